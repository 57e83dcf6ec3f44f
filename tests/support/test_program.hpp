#pragma once
#include <string>
#include <vector>

namespace odetl::test {

/// A part of a test that runs in a process of its own, to be signalled or killed: the suite's own binary, started with
/// `argv()`. Define at namespace scope, with a name that is unique in the suite.
class TestProgram {
 public:
  TestProgram(const char* name, void (*body)());
  std::vector<std::string> argv() const { return {"/proc/self/exe", "--program", name_}; }

 private:
  const char* name_;
};

}  // namespace odetl::test
