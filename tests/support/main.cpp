#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <string>

#include "tests/support/test_program.hpp"

namespace odetl::test {
namespace {

std::map<std::string, void (*)()>& programs() {
  static std::map<std::string, void (*)()> all;
  return all;
}

}  // namespace

TestProgram::TestProgram(const char* name, void (*body)()) : name_(name) { programs().emplace(name, body); }

}  // namespace odetl::test

// Runs the suite's tests or, as `--program NAME`, one of its programs.
int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--program") {
    const auto at = odetl::test::programs().find(argv[2]);
    if (at == odetl::test::programs().end()) {
      std::cerr << "no program '" << argv[2] << "' in this suite\n";
      return 64;
    }
    at->second();
    return 0;
  }
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
