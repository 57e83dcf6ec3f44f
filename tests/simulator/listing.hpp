#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/simulator/tenant.hpp"

namespace odetl::simulator {

// The body of a 200: `rows` grouped by user in the order of first appearance, each user with the profile of the
// first of them.
std::string render_listing(const RowStore& store, const std::vector<const Row*>& rows, const Window& window,
                           Shape shape);

// Whether a row passes the filters of the public form.
bool matches(const RowStore& store, const Row& row, const std::map<std::string, std::string>& filters);

// One line of Tenant::truth.
void append_truth(std::string& out, const RowStore& store, const Row& row);

}  // namespace odetl::simulator
