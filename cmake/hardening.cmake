# One interface target carries warnings, hardening and sanitizers, so that no flag is global.
add_library(odetl_flags INTERFACE)
target_include_directories(odetl_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
target_compile_options(odetl_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
if(ODETL_WERROR)
  # What GCC 12's optimiser guesses about std::string (bug 105651 and others) is too often wrong to stop a build.
  target_compile_options(odetl_flags INTERFACE -Werror -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow)
endif()

target_compile_definitions(odetl_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_compile_options(odetl_flags INTERFACE -fstack-protector-strong -fstack-clash-protection)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
  target_compile_options(odetl_flags INTERFACE -fcf-protection)
endif()
target_link_options(odetl_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)

if(ODETL_SANITIZE)
  target_compile_options(odetl_flags INTERFACE -fsanitize=${ODETL_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(odetl_flags INTERFACE -fsanitize=${ODETL_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  # FORTIFY needs the optimiser and gets in the way of AddressSanitizer's own interceptors.
  target_compile_options(odetl_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
