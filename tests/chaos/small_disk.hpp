#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/child_process.hpp"
#include "tests/support/postgres_cluster.hpp"

namespace odetl::chaos {

/// A disk for a server's files that can be filled to the last byte: a tmpfs, which goes with the test process, also when
/// that is killed. Where none may be mounted (not root, a container), a directory whose files do not grow while it is full;
/// the server notices what it was started with, so it has to be started again after this is made.
class SmallDisk {
 public:
  SmallDisk(test::PostgresCluster& cluster, std::size_t bytes);
  ~SmallDisk();  ///< the server must not use it any more
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  std::filesystem::path files() const { return root_ / "files"; }  ///< an empty directory that the server owns
  bool is_mounted() const { return is_mounted_; }
  void fill();
  void make_room();

 private:
  bool mount(std::size_t bytes);
  void pretend();
  void start_guard();

  test::PostgresCluster& cluster_;
  std::filesystem::path root_;
  bool is_mounted_ = false;
  int alive_ = -1;
  std::unique_ptr<test::ChildProcess> guard_;
};

}  // namespace odetl::chaos
