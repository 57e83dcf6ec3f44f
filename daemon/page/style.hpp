#pragma once

namespace odetl::page {

extern const char* const kStyle;  ///< CSS of the status page
extern const char* const
    kScript;  ///< renews <main> while somebody looks; without it the page reloads itself, more rarely

}  // namespace odetl::page
