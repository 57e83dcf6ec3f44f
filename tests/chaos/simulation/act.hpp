#pragma once
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace odetl::chaos {

template <typename T>
class Act;

namespace detail {

/// Where an act goes on when it ends: at who awaits it, else nowhere.
struct Ending {
  bool await_ready() noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) noexcept {
    const auto next = ended.promise().awaited_by;
    return next ? next : std::noop_coroutine();
  }
  void await_resume() noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> awaited_by;
  std::exception_ptr error;

  std::suspend_always initial_suspend() noexcept { return {}; }
  Ending final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Act<T> get_return_object();
  void return_value(T result) { value = std::move(result); }
  T take() {
    if (error) std::rethrow_exception(error);
    return std::move(*value);
  }
};

template <>
struct Promise<void> : PromiseBase {
  Act<void> get_return_object();
  void return_void() noexcept {}
  void take() const {
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace detail

/// What an actor of the simulation does, as a coroutine that owns itself: it begins when awaited or started, and is gone,
/// wherever it stands, with this object. That is how a process is killed.
template <typename T = void>
class [[nodiscard]] Act {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Act(Handle handle) : handle_(handle) {}
  Act(Act&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Act& operator=(Act&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Act() {
    if (handle_) handle_.destroy();
  }

  void start() { handle_.resume(); }
  bool is_over() const { return handle_.done(); }
  /// Of one that is over: what it answered, or throws what ended it.
  T result() { return handle_.promise().take(); }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    handle_.promise().awaited_by = awaiting;
    return handle_;
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  Handle handle_;
};

namespace detail {

template <typename T>
Act<T> Promise<T>::get_return_object() {
  return Act<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Act<void> Promise<void>::get_return_object() {
  return Act<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

}  // namespace detail
}  // namespace odetl::chaos
