#include "daemon/workers.hpp"

#include <exception>
#include <thread>

namespace odetl {

PlanOptions command_plan_options() {
  PlanOptions options;
  options.patience_at_first = std::chrono::seconds(10);
  options.patience = std::chrono::minutes(10);
  return options;
}

void work_in_parallel(Wiring& wiring, Pipeline& pipeline, int workers,
                      const std::function<std::unique_ptr<Warehouse>()>& open_warehouse, std::stop_token stop) {
  std::stop_source failed;
  const std::stop_callback on_stop(stop, [&failed] { failed.request_stop(); });
  std::vector<std::unique_ptr<ApiClient>> clients;
  for (int i = 0; i < workers; ++i) clients.push_back(wiring.client());
  std::vector<std::exception_ptr> errors(clients.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < clients.size(); ++i) {
      threads.emplace_back([&, &error = errors[i], &client = *clients[i]] {
        try {
          const auto warehouse = open_warehouse();
          pipeline.work(client, *warehouse, failed.get_token());
        } catch (...) {
          error = std::current_exception();  // rethrown below
          failed.request_stop();
        }
      });
    }
  }
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace odetl
