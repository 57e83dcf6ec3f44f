# cpack -G DEB: what cmake/install.cmake installs, as a Debian package. .ci/package runs it.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME opendialog-etl)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "Seed cdd3e00a maintainers <maintainers@users.noreply.r-seed-cdd3e00a.example>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "loads conversations of OpenDialog into PostgreSQL")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "A service that polls the Interaction API of an OpenDialog tenant in time
windows, keeps a watermark, and loads users and interactions into PostgreSQL
for a data warehouse, each interaction once, whatever is killed, retried or
read again. Past ranges are loaded with its command backfill.")
# The libraries and their versions come from what the binary links to. An https API needs certificates; an embedded
# PostgreSQL its binaries, and a name for the service's made-up user.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "init-system-helpers (>= 1.54)")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates, libnss-systemd")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "postgresql (>= 14), postgresql-client, bash-completion")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(debian ${PROJECT_SOURCE_DIR}/config/debian)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${debian}/conffiles ${debian}/postinst ${debian}/prerm ${debian}/postrm)
include(CPack)
