#pragma once
#include <array>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "etl/error.hpp"

namespace odetl::chaos {

template <typename T>
class Act;
class Attempt;

/// What an act broke off of.
struct Fault {
  Failure failure;
  const char* why;
};

namespace detail {

struct PromiseBase;

/// Goes on where an act is awaited that ends, or broke off.
struct Ending {
  bool await_ready() noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) noexcept {
    return ended.promise().awaiter();
  }
  void await_resume() noexcept {}
};

/// The memory of coroutines, which come and go by the million, in few sizes: each is kept for the next of its size.
class Frames {
 public:
  static void* take(std::size_t size) {
    if (size > kMost) return ::operator new(size);
    Free*& first = kept_[class_of(size)];
    return first != nullptr ? std::exchange(first, first->next) : ::operator new(class_of(size) * kStep);
  }
  static void give_back(void* frame, std::size_t size) {
    if (size > kMost) return ::operator delete(frame);
    Free*& first = kept_[class_of(size)];
    first = new (frame) Free{first};
  }

 private:
  struct Free {
    Free* next;
  };
  static constexpr std::size_t kStep = 64;
  static constexpr std::size_t kMost = 4096;
  static std::size_t class_of(std::size_t size) { return (size + kStep - 1) / kStep; }
  static inline thread_local std::array<Free*, kMost / kStep + 1> kept_{};
};

struct PromiseBase {
  static void* operator new(std::size_t size) { return Frames::take(size); }
  static void operator delete(void* frame, std::size_t size) { Frames::give_back(frame, size); }

  PromiseBase* awaited_by = nullptr;
  std::coroutine_handle<> awaiting;
  bool is_tried = false;  ///< who awaits it is told of a fault
  std::optional<Fault> fault;

  std::suspend_always initial_suspend() noexcept { return {}; }
  Ending final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { std::terminate(); }  // to throw costs more than all the rest: hence Fault
  std::coroutine_handle<> awaiter() const noexcept { return awaiting ? awaiting : std::noop_coroutine(); }
  /// Ends this and all that await it, up to one that tries; answers where that goes on.
  std::coroutine_handle<> break_off(const Fault& of) noexcept {
    PromiseBase* last = this;
    while (!last->is_tried && last->awaited_by != nullptr) last = last->awaited_by;
    last->fault = of;
    return last->awaiter();
  }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Act<T> get_return_object();
  void return_value(T result) { value = std::move(result); }
  T take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Act<void> get_return_object();
  void return_void() noexcept {}
  void take() const noexcept {}
};

}  // namespace detail

/// What an actor of the simulation does, as a coroutine that owns itself: it begins when awaited or started, and is gone,
/// wherever it stands, with this object. That is how a process is killed. A fault ends whoever awaits it as well, up to
/// one that awaits an Attempt.
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
  bool is_over() const { return handle_.done() || fault(); }
  const std::optional<Fault>& fault() const { return handle_.promise().fault; }
  /// Of one that ended without a fault.
  T result() { return handle_.promise().take(); }

  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> awaiting) noexcept {
    handle_.promise().awaited_by = &awaiting.promise();
    handle_.promise().awaiting = awaiting;
    return handle_;
  }
  T await_resume() { return result(); }

 private:
  friend class Attempt;
  Handle handle_;
};

/// `co_await Attempt(act)`: what it broke off of, if it did.
class Attempt {
 public:
  explicit Attempt(Act<> act) : act_(std::move(act)) { act_.handle_.promise().is_tried = true; }
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> awaiting) noexcept {
    return act_.await_suspend(awaiting);
  }
  std::optional<Fault> await_resume() const { return act_.fault(); }

 private:
  Act<> act_;
};

/// `co_await BreakOff{fault}`: nothing after it is done.
struct BreakOff {
  Fault fault;
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> at) noexcept {
    return at.promise().break_off(fault);
  }
  void await_resume() const noexcept {}
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
