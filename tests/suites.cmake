odetl_suite(etl_test odetl
  unit/timestamp_test.cpp unit/time_window_test.cpp unit/coverage_test.cpp unit/body_test.cpp
  unit/api_address_test.cpp unit/api_headers_test.cpp unit/api_verdict_test.cpp unit/content_coding_test.cpp
  unit/canonical_json_test.cpp unit/identity_test.cpp unit/profile_test.cpp unit/utf8_damage_test.cpp
  unit/response_parser_test.cpp unit/response_rejects_test.cpp unit/response_users_test.cpp
  unit/response_fixtures_test.cpp unit/window_diff_test.cpp unit/vanished_test.cpp unit/load_rows_test.cpp
  unit/retry_policy_test.cpp unit/rate_allowance_test.cpp unit/weekly_rhythm_test.cpp unit/server_clock_test.cpp unit/worker_limit_test.cpp unit/planner_test.cpp
  unit/planner_histories_test.cpp unit/pipeline_test.cpp unit/fake_tenant.cpp unit/memory_warehouse.cpp unit/copy_rows_test.cpp
  unit/known_answer_test.cpp unit/seen_users_test.cpp)
target_link_libraries(etl_test PRIVATE odetl_simulator)

odetl_suite(daemon_test odetl_daemon
  unit/config_test.cpp unit/config_keys_test.cpp unit/config_files_test.cpp
  unit/secrets_test.cpp unit/nearest_test.cpp unit/service_manager_test.cpp
  unit/command_line_test.cpp unit/log_test.cpp unit/metrics_test.cpp unit/telemetry_test.cpp unit/progress_test.cpp
  unit/first_configuration_test.cpp unit/status_test.cpp unit/status_page_test.cpp unit/status_board_test.cpp unit/calendar_test.cpp unit/index_summary_test.cpp unit/http_endpoint_test.cpp unit/signals_test.cpp)
odetl_suite(api_client_test odetl
  integration/api_client_test.cpp integration/api_security_test.cpp integration/scripted_server.cpp)
odetl_suite(embedded_postgres_test odetl_daemon integration/embedded_postgres_test.cpp)
odetl_suite(warehouse_test odetl
  integration/warehouse_test.cpp integration/warehouse_loaders_test.cpp integration/warehouse_users_test.cpp
  integration/warehouse_quarantine_test.cpp integration/warehouse_content_test.cpp
  integration/warehouse_state_test.cpp integration/warehouse_faults_test.cpp integration/migrations_test.cpp
  integration/warehouse_vanished_test.cpp integration/audit_test.cpp integration/database_test.cpp
  integration/window_claims_test.cpp integration/known_answers_test.cpp
  integration/warehouse_fixture.cpp)
odetl_suite(simulation_test odetl_simulation chaos/simulation/simulation_test.cpp)
odetl_suite(simulator_test odetl_simulator integration/simulator_test.cpp)
odetl_suite(acceptance_test odetl_simulator
  integration/acceptance_backfill_test.cpp integration/acceptance_guarantees_test.cpp
  integration/acceptance_run_once_test.cpp integration/acceptance_service_test.cpp integration/acceptance_faults_test.cpp
  integration/acceptance_commands_test.cpp integration/acceptance_notify_test.cpp
  integration/acceptance_verify_test.cpp integration/acceptance_rejects_test.cpp integration/acceptance_fixture.cpp)
add_dependencies(acceptance_test opendialog-etl)
odetl_suite(deployment_test odetl_daemon
  deployment/systemd_units_test.cpp deployment/queries_test.cpp deployment/kubernetes_test.cpp deployment/manual_test.cpp)
target_link_libraries(deployment_test PRIVATE yaml-cpp)
add_dependencies(deployment_test opendialog-etl described)
# A scene, and what befalls it.
set(chaos_sources chaos/incidents.cpp chaos/database_incidents.cpp chaos/scene.cpp chaos/fault_proxy.cpp chaos/small_disk.cpp
  integration/acceptance_fixture.cpp)
# Put before libc in a process that is to meet with faults; in no suite themselves.
add_library(full_disk MODULE chaos/preload/full_disk.cpp)
add_library(few_allocations MODULE chaos/preload/few_allocations.cpp)
set(chaos_definitions ODETL_FULL_DISK="$<TARGET_FILE:full_disk>" ODETL_FEW_ALLOCATIONS="$<TARGET_FILE:few_allocations>"
  ODETL_LIBRARY_ARCHITECTURE="${CMAKE_LIBRARY_ARCHITECTURE}")
odetl_suite(chaos_test odetl_simulator
  chaos/kill_test.cpp chaos/stop_test.cpp chaos/doubt_test.cpp chaos/bomb_test.cpp chaos/incidents_test.cpp integration/scripted_server.cpp
  ${chaos_sources})
target_link_libraries(chaos_test PRIVATE odetl)
target_compile_definitions(chaos_test PRIVATE ${chaos_definitions})
add_dependencies(chaos_test opendialog-etl full_disk few_allocations)

# All incidents and random pairs of them, for as long as wanted: tests/chaos/run --long.
add_executable(endure chaos/endure.cpp ${chaos_sources})
target_link_libraries(endure PRIVATE odetl_simulator odetl_test_support GTest::gtest GTest::gmock CLI11::CLI11)
target_compile_definitions(endure PRIVATE ODETL_BINARY_DIR="${PROJECT_BINARY_DIR}" ${chaos_definitions})
add_dependencies(endure opendialog-etl full_disk)
