#pragma once
#include <memory>

#include "tests/chaos/simulation/scenario.hpp"

namespace odetl::chaos {

using Processes = std::vector<std::unique_ptr<SimulatedProcess>>;

/// Judges a history in its quiet time, from what the tenant serves and what the database holds. Tells the world's witness.
class Oracle {
 public:
  Oracle(const World& world, const Scenario& scenario, const Processes& daemons, const Processes& backfills)
      : world_(world), scenario_(scenario), daemons_(daemons), backfills_(backfills) {}

  /// So long after the last fault all must be up to date.
  seconds grace() const;
  void expect_progress() const;
  void expect_all() const;

 private:
  bool is_slow() const;
  void expect_watermark() const;
  void expect_coverage() const;
  void expect_covered(const TimeWindow& range) const;
  void expect_rows() const;
  void expect_rows_of(const TimeWindow& window, const std::vector<Said>& held) const;
  void expect_polite_outage() const;
  bool cannot_be_served(sys_seconds second) const;

  const World& world_;
  const Scenario& scenario_;
  const Processes& daemons_;
  const Processes& backfills_;
};

}  // namespace odetl::chaos
