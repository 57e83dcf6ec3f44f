#pragma once

namespace odetl {

/// Unmaps the pages of this program's file and of its libraries that were only needed to start: half of the resident memory
/// of a daemon that rests (9 of 18 MiB), 7 MiB of a backfill, which the kernel can use otherwise as soon as it drops them from
/// its cache of the files. What is needed after all comes back from there. Breakpoints that a debugger has set by then are gone.
void give_back_startup_pages();

}  // namespace odetl
