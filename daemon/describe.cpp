// Writes a manual page or a completion script, when the program is built: opendialog-etl-describe WHAT
#include <cstdio>
#include <map>
#include <string>

#include "daemon/completions.hpp"
#include "daemon/manual.hpp"

int main(int argc, char** argv) {
  using namespace odetl;
  const std::map<std::string, std::string (*)()> texts = {{"opendialog-etl.1", manual_of_program},
                                                          {"opendialog-etl.yaml.5", manual_of_configuration},
                                                          {"bash", bash_completion},
                                                          {"zsh", zsh_completion},
                                                          {"fish", fish_completion}};
  const auto found = argc == 2 ? texts.find(argv[1]) : texts.end();
  if (found == texts.end()) {
    std::fputs("usage: opendialog-etl-describe opendialog-etl.1|opendialog-etl.yaml.5|bash|zsh|fish\n", stderr);
    return 64;
  }
  const std::string text = found->second();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0 ? 0 : 70;
}
