# Where everything goes, for `cmake --install` and for the package alike. The presets' prefix is /usr; the program looks
# for its configuration in /etc whatever the prefix.
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(share ${CMAKE_INSTALL_DATADIR}/opendialog-etl)
set(described ${PROJECT_BINARY_DIR}/described)

install(TARGETS opendialog-etl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES config/package.yaml DESTINATION /etc/opendialog-etl RENAME config.yaml)
install(FILES config/opendialog-etl.schema.json config/prometheus-alerts.yaml config/grafana-dashboard.json
        DESTINATION ${share})
install(DIRECTORY config/kubernetes sql DESTINATION ${share})
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES config/opendialog-etl.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(DIRECTORY ${described}/bash-completion ${described}/zsh ${described}/fish DESTINATION ${CMAKE_INSTALL_DATADIR})

# Compressed as Debian wants them, without a time stamp.
find_program(GZIP gzip REQUIRED)
function(odetl_install_gzipped file directory name)
  set(output ${PROJECT_BINARY_DIR}/gzipped/${name}.gz)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/gzipped
    COMMAND ${GZIP} -9nc ${file} > ${output} DEPENDS ${file})
  add_custom_target(gzipped-${name} ALL DEPENDS ${output})
  add_dependencies(gzipped-${name} described)
  install(FILES ${output} DESTINATION ${directory})
endfunction()
odetl_install_gzipped(${described}/man/man1/opendialog-etl.1 ${CMAKE_INSTALL_MANDIR}/man1 opendialog-etl.1)
odetl_install_gzipped(${described}/man/man5/opendialog-etl.yaml.5 ${CMAKE_INSTALL_MANDIR}/man5 opendialog-etl.yaml.5)
odetl_install_gzipped(${PROJECT_SOURCE_DIR}/config/debian/changelog ${CMAKE_INSTALL_DOCDIR} changelog)
install(FILES config/debian/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The units name the program by its path.
foreach(unit opendialog-etl.service opendialog-etl@.service opendialog-etl-once.service opendialog-etl-once.timer)
  file(READ systemd/${unit} text)
  string(REPLACE "/usr/bin/opendialog-etl" "${CMAKE_INSTALL_FULL_BINDIR}/opendialog-etl" text "${text}")
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/systemd/${unit} CONTENT "${text}" @ONLY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS systemd/${unit})
  install(FILES ${PROJECT_BINARY_DIR}/systemd/${unit} DESTINATION lib/systemd/system)
endforeach()
