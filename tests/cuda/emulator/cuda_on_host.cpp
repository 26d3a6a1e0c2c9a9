#include "cuda_on_host.hpp"

#include <exception>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "context.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace cuda_on_host {

namespace {

constexpr unsigned kWarp = 32;
constexpr std::size_t kStackBytes = std::size_t{64} << 10;
constexpr std::size_t kMaxShared = std::size_t{48} << 10;  // CUDA's limit without opting in

// ---- Stacks, for the address sanitizer -------------------------------------------------------

#if defined(__SANITIZE_ADDRESS__)
void leave_stack(void** own, const void* bottom, std::size_t size) {
  __sanitizer_start_switch_fiber(own, bottom, size);
}
void enter_stack(void* own, const void** left_bottom, std::size_t* left_size) {
  __sanitizer_finish_switch_fiber(own, left_bottom, left_size);
}
#else
void leave_stack(void**, const void*, std::size_t) {}
void enter_stack(void*, const void**, std::size_t*) {}
#endif

// ---- Fibers ----------------------------------------------------------------------------------

enum class State { ready, at_barrier, in_warp_operation, done };

struct Fiber {
  explicit Fiber(void (*entry)()) : context(stack.get(), kStackBytes, entry) {}

  std::unique_ptr<unsigned char[]> stack{new unsigned char[kStackBytes]};
  Context context;
  void* sanitizer_stack = nullptr;

  State state = State::done;
  dim3 thread;
  unsigned rank = 0;  // in the block
  Where where;        // place at which it waits
  bool vote = false;
  std::uint32_t mask = 0;
  std::uint64_t brought = 0;
  std::uint64_t offered = 0;  // `brought` of an operation that all lanes have reached
};

bool same_place(const Where& a, const Where& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

std::string described(const Fiber& fiber) {
  const dim3& t = fiber.thread;
  const std::string who = "\n  thread (" + std::to_string(t.x) + ", " + std::to_string(t.y) + ", " +
                          std::to_string(t.z) + ") ";
  if (fiber.state == State::done) return who + "has returned";
  return who + (fiber.state == State::at_barrier ? "is at the barrier in " : "is in ") +
         fiber.where.file_name() + ":" + std::to_string(fiber.where.line());
}

// Runs the fibers of one block at a time.
class Scheduler {
 public:
  void run(const cudaLaunchConfig_t& config, const std::function<void()>& thread);

  Fiber& current() { return *current_; }
  unsigned char* shared() { return shared_.get(); }
  int votes() const { return votes_; }
  const Fiber& lane_of_current_warp(unsigned lane) const {
    return *fibers_[current_->rank / kWarp * kWarp + lane];
  }

  // Switches to other fibers until this one is no longer in `state`.
  void wait(State state, const Where& where);

  [[noreturn]] static void enter_fiber();

 private:
  void make_fibers(std::size_t count);
  void run_block(const dim3& index);
  bool run_ready();
  bool release_warps();
  bool is_whole(const Fiber& fiber) const;
  void release_lanes(const Fiber& of_mask);
  bool release_block();
  void resume(Fiber& fiber);
  [[noreturn]] void run_threads();
  void pause();

  std::vector<std::unique_ptr<Fiber>> pool_;
  std::vector<Fiber*> fibers_;  // by rank
  std::vector<Fiber*> order_;
  std::mt19937 random_;
  std::unique_ptr<unsigned char[]> shared_;
  const std::function<void()>* thread_ = nullptr;
  Fiber* current_ = nullptr;
  int votes_ = 0;
  std::exception_ptr failure_;

  Context context_;
  void* sanitizer_stack_ = nullptr;
  const void* stack_bottom_ = nullptr;
  std::size_t stack_size_ = 0;
};

thread_local Scheduler scheduler;

void Scheduler::enter_fiber() {
  scheduler.run_threads();
}

// A fiber is made once and runs one thread of every block, because making it costs more than
// switching.
void Scheduler::run_threads() {
  enter_stack(nullptr, &stack_bottom_, &stack_size_);
  for (;;) {
    try {
      (*thread_)();
    } catch (...) {
      failure_ = std::current_exception();
    }
    current_->state = State::done;
    pause();
  }
}

void Scheduler::make_fibers(std::size_t count) {
  while (pool_.size() < count) {
    pool_.push_back(std::make_unique<Fiber>(&Scheduler::enter_fiber));
  }
  fibers_.clear();
  for (std::size_t i = 0; i < count; ++i) fibers_.push_back(pool_[i].get());
  order_ = fibers_;
}

void Scheduler::resume(Fiber& fiber) {
  current_ = &fiber;
  threadIdx = fiber.thread;
  leave_stack(&sanitizer_stack_, fiber.stack.get(), kStackBytes);
  context_.switch_to(fiber.context);
  enter_stack(sanitizer_stack_, nullptr, nullptr);
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Scheduler::pause() {
  Fiber& fiber = *current_;
  leave_stack(&fiber.sanitizer_stack, stack_bottom_, stack_size_);
  fiber.context.switch_to(context_);
  enter_stack(fiber.sanitizer_stack, &stack_bottom_, &stack_size_);
}

void Scheduler::wait(State state, const Where& where) {
  current_->where = where;
  current_->state = state;
  pause();
}

bool Scheduler::run_ready() {
  std::shuffle(order_.begin(), order_.end(), random_);
  bool ran = false;
  for (Fiber* fiber : order_) {
    if (fiber->state != State::ready) continue;
    resume(*fiber);
    ran = true;
  }
  return ran;
}

// Whether all lanes of the fiber's mask have reached its place.
bool Scheduler::is_whole(const Fiber& fiber) const {
  const unsigned first = fiber.rank / kWarp * kWarp;
  for (std::uint32_t left = fiber.mask; left != 0; left &= left - 1) {
    const unsigned rank = first + static_cast<unsigned>(std::countr_zero(left));
    if (rank >= fibers_.size()) return false;
    const Fiber& other = *fibers_[rank];
    if (other.state != State::in_warp_operation || other.mask != fiber.mask ||
        !same_place(other.where, fiber.where)) {
      return false;
    }
  }
  return true;
}

void Scheduler::release_lanes(const Fiber& of_mask) {
  const unsigned first = of_mask.rank / kWarp * kWarp;
  for (std::uint32_t left = of_mask.mask; left != 0; left &= left - 1) {
    Fiber& fiber = *fibers_[first + static_cast<unsigned>(std::countr_zero(left))];
    fiber.state = State::ready;
    fiber.offered = fiber.brought;
  }
}

bool Scheduler::release_warps() {
  bool released = false;
  for (const Fiber* fiber : fibers_) {
    const bool is_first = fiber->rank % kWarp == unsigned(std::countr_zero(fiber->mask));
    if (fiber->state != State::in_warp_operation || !is_first || !is_whole(*fiber)) continue;
    release_lanes(*fiber);
    released = true;
  }
  return released;
}

bool Scheduler::release_block() {
  for (const Fiber* fiber : fibers_) {
    if (fiber->state != State::at_barrier || !same_place(fiber->where, fibers_[0]->where)) {
      return false;
    }
  }
  votes_ = 0;
  for (Fiber* fiber : fibers_) {
    fiber->state = State::ready;
    votes_ += fiber->vote;
  }
  return true;
}

void Scheduler::run_block(const dim3& index) {
  blockIdx = index;
  for (unsigned rank = 0; rank < fibers_.size(); ++rank) {
    Fiber& fiber = *fibers_[rank];
    fiber.rank = rank;
    fiber.thread = {rank % blockDim.x, rank / blockDim.x % blockDim.y,
                    rank / blockDim.x / blockDim.y};
    fiber.state = State::ready;
  }
  while (run_ready() || release_warps() || release_block()) {
  }
  const auto is_done = [](const Fiber* fiber) { return fiber->state == State::done; };
  if (std::all_of(fibers_.begin(), fibers_.end(), is_done)) return;
  std::string message = "threads wait for others that do not come:";
  for (const Fiber* fiber : fibers_) message += described(*fiber);
  throw std::logic_error(message);
}

void Scheduler::run(const cudaLaunchConfig_t& config, const std::function<void()>& thread) {
  const dim3& grid = config.gridDim;
  thread_ = &thread;
  blockDim = config.blockDim;
  gridDim = grid;
  make_fibers(std::size_t{blockDim.x} * blockDim.y * blockDim.z);
  random_.seed();
  shared_.reset(new unsigned char[config.dynamicSmemBytes]);
  std::vector<std::uint64_t> blocks(std::uint64_t{grid.x} * grid.y * grid.z);
  std::iota(blocks.begin(), blocks.end(), std::uint64_t{0});
  std::shuffle(blocks.begin(), blocks.end(), random_);
  try {
    for (const std::uint64_t block : blocks) {
      std::memset(shared_.get(), 0xff, config.dynamicSmemBytes);  // NaN in every type
      run_block({static_cast<unsigned>(block % grid.x),
                 static_cast<unsigned>(block / grid.x % grid.y),
                 static_cast<unsigned>(block / grid.x / grid.y)});
    }
  } catch (...) {
    pool_.clear();  // some hang in the middle of a thread
    throw;
  }
}

bool is_launchable(const cudaLaunchConfig_t& config) {
  const dim3& grid = config.gridDim;
  const dim3& block = config.blockDim;
  const auto threads = std::uint64_t{block.x} * block.y * block.z;
  return grid.x >= 1 && grid.x <= 0x7fffffff && grid.y >= 1 && grid.y <= 0xffff && grid.z >= 1 &&
         grid.z <= 0xffff && threads >= 1 && threads <= 1024 && block.z <= 64;
}

}  // namespace

cudaError_t launch(const cudaLaunchConfig_t& config, const std::function<void()>& thread) {
  if (!is_launchable(config)) return cudaErrorInvalidConfiguration;
  if (config.dynamicSmemBytes > kMaxShared) return cudaErrorInvalidValue;
  scheduler.run(config, thread);
  return cudaSuccess;
}

unsigned char* shared_memory() {
  return scheduler.shared();
}

int wait_for_block(bool vote, const Where& where) {
  scheduler.current().vote = vote;
  scheduler.wait(State::at_barrier, where);
  return scheduler.votes();
}

unsigned lane() {
  return scheduler.current().rank % kWarp;
}

void Exchange::wait(std::uint64_t bits, const Where& where) const {
  Fiber& fiber = scheduler.current();
  if (!(mask_ >> lane() & 1))
    throw std::logic_error("the mask lacks its caller" + described(fiber));
  fiber.mask = mask_;
  fiber.brought = bits;
  scheduler.wait(State::in_warp_operation, where);
}

std::uint64_t Exchange::bits_from(unsigned lane) const {
  if (!(mask_ >> lane & 1)) {
    throw std::logic_error("the mask lacks lane " + std::to_string(lane) + ", whose value is used");
  }
  return scheduler.lane_of_current_warp(lane).offered;
}

}  // namespace cuda_on_host

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorInvalidConfiguration:
      break;
  }
  return "cudaErrorInvalidConfiguration";
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorInvalidConfiguration:
      break;
  }
  return "invalid configuration argument";
}
