// The scheduler of shim.h's fibers and the door through which tests launch a kernel.
#include "shim.h"
#include <csetjmp>
#include <cstdio>
#include <memory>
#include <ucontext.h>
#include <vector>

dim3 gridDim, blockDim, blockIdx, threadIdx;

constexpr unsigned MaxSharedBytes = 227 << 10, GuardBytes = 4 << 10;
constexpr unsigned char Poison = 0xff;      // as floats: not a number
constexpr unsigned char Guard = 0xa5;

// Dynamic shared memory: the name and type that every kernel of cuda/ uses.
thread_local float4 shared_memory[(MaxSharedBytes + GuardBytes) / sizeof(float4)];

namespace
{
    enum class State { Idle, Ready, AtBlockBarrier, AtWarpBarrier };

    // A fiber is entered once through ucontext, which gives it its stack, and switched by longjmp from then on: no system call.
    struct Fiber
    {
        static constexpr size_t StackBytes = 64 << 10;
        std::unique_ptr<char[]> stack { new char[StackBytes] };
        ucontext_t entry {};
        jmp_buf resume {};
        bool entered = false;
        State state = State::Idle;
        unsigned thread = 0;
        int line = 0;
    };

    std::vector<std::unique_ptr<Fiber>> fibers;
    std::vector<uint64_t> slots;        // of all warps of the block
    Fiber* running;
    jmp_buf scheduler;
    void (*kernel)(void**);
    void** parameters;
    unsigned started, threads;          // of the block
    bool descending;
    char error[256];

    void bring_in(Fiber* fiber)
    {
        threadIdx = { fiber->thread % blockDim.x, fiber->thread / blockDim.x % blockDim.y, fiber->thread / blockDim.x / blockDim.y };
    }

    void leave(State state)
    {
        running->state = state;
        if (!_setjmp(running->resume)) _longjmp(scheduler, 1);
        bring_in(running);
    }

    void live()
    {
        for (;;)
        {
            while (started < threads)
            {
                running->thread = descending ? threads - 1 - started : started;
                started++;
                bring_in(running);
                kernel(parameters);
            }
            leave(State::Idle);
        }
    }

    void enter(Fiber* fiber)
    {
        running = fiber;
        if (_setjmp(scheduler)) return;
        if (fiber->entered) _longjmp(fiber->resume, 1);
        fiber->entered = true;
        getcontext(&fiber->entry);
        fiber->entry.uc_stack = { fiber->stack.get(), 0, Fiber::StackBytes };
        fiber->entry.uc_link = nullptr;
        makecontext(&fiber->entry, live, 0);
        setcontext(&fiber->entry);
    }

    // Releases the threads that wait in a group of `size` if all of it does, at one line. Returns whether it did.
    bool release(State waiting, unsigned first, unsigned size)
    {
        unsigned there = 0;
        int line = 0;
        for (auto& fiber : fibers)
            if (fiber->state == waiting && fiber->thread - first < size)
            {
                if (there++ == 0) line = fiber->line;
                else if (fiber->line != line)
                {
                    snprintf(error, sizeof error, "threads of one group wait at barriers in different lines, %d and %d", line, fiber->line);
                    return false;
                }
            }
        if (there < size) return false;
        for (auto& fiber : fibers)
            if (fiber->state == waiting && fiber->thread - first < size) fiber->state = State::Ready;
        return true;
    }

    bool release_all()
    {
        bool any = release(State::AtBlockBarrier, 0, threads);
        for (unsigned first = 0; first < threads && !error[0]; first += shim::WarpSize)
            any |= release(State::AtWarpBarrier, first, shim::WarpSize);
        return any;
    }

    bool run_block()
    {
        started = 0;
        for (;;)
        {
            // Threads not begun yet want a fiber each, until one of them runs to its end and takes the rest.
            for (unsigned i = 0; started < threads; i++)
            {
                if (i == fibers.size()) fibers.emplace_back(new Fiber);
                if (fibers[i]->state == State::Idle) enter(fibers[i].get());
            }
            bool ran = false, waiting = false;
            for (auto& fiber : fibers)
                if (fiber->state == State::Ready)
                {
                    ran = true;
                    enter(fiber.get());
                }
            for (auto& fiber : fibers)
                waiting |= fiber->state != State::Idle;
            if (!waiting) return true;
            if (error[0]) return false;
            if (!release_all() && !ran)
            {
                if (!error[0]) snprintf(error, sizeof error, "some threads wait at a barrier that others never reach");
                return false;
            }
        }
    }

    bool guard_holds(unsigned shared_bytes)
    {
        const unsigned char* bytes = (const unsigned char*)shared_memory;
        for (unsigned i = shared_bytes; i < shared_bytes + GuardBytes; i++)
            if (bytes[i] != Guard) return false;
        return true;
    }
}

namespace shim
{
    void block_barrier(int line)
    {
        running->line = line;
        leave(State::AtBlockBarrier);
    }

    void warp_barrier(unsigned mask, int line)
    {
        if (mask != ~0u) snprintf(error, sizeof error, "a warp operation of some lanes only, line %d", line);
        running->line = line;
        leave(State::AtWarpBarrier);
    }

    unsigned lane() { return running->thread % WarpSize; }

    uint64_t* warp_slots() { return slots.data() + running->thread / WarpSize * WarpSize; }
}

// Runs a kernel over a grid. Null, or what went wrong. One caller at a time.
extern "C" const char* shim_launch(
    void (*run)(void**), void** arguments, unsigned grid_x, unsigned grid_y, unsigned block_x, unsigned block_y,
    unsigned shared_bytes, int from_last)
{
    kernel = run, parameters = arguments, descending = from_last;
    gridDim = { grid_x, grid_y, 1 }, blockDim = { block_x, block_y, 1 };
    threads = block_x * block_y;
    slots.resize((threads + shim::WarpSize - 1) / shim::WarpSize * shim::WarpSize);
    error[0] = 0;
    if (shared_bytes > MaxSharedBytes) return "more shared memory than a block has";
    for (unsigned y = 0; y < grid_y; y++)
        for (unsigned x = 0; x < grid_x; x++)
        {
            blockIdx = { x, y, 0 };
            std::memset((void*)shared_memory, Poison, shared_bytes);
            std::memset((char*)shared_memory + shared_bytes, Guard, GuardBytes);
            if (!run_block())
            {
                fibers.clear();     // they are in the middle of something
                return error;
            }
            if (!guard_holds(shared_bytes)) return "writes beyond the shared memory that the launch asked for";
        }
    return nullptr;
}
