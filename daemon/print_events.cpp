#include <cstdio>

#include "daemon/events.hpp"

// The events of the log, one a line with tabs between: name, usual level, meaning. For the manual.
int main() {
  for (const odetl::EventKind& kind : odetl::all_events()) {
    const auto level = odetl::to_text(kind.level);
    std::printf("%.*s\t%.*s\t%.*s\n", static_cast<int>(kind.name.size()), kind.name.data(),
                static_cast<int>(level.size()), level.data(), static_cast<int>(kind.meaning.size()),
                kind.meaning.data());
  }
}
