// CUDA C on the CPU: enough of the language for the files of cuda/ to be compiled unmodified by g++ and run, slowly and strictly.
//
// The threads of a block are fibers on one operating-system thread. A fiber that reaches a barrier stops until all of its block (or
// warp) are there; one that ends takes up the next thread, so a kernel without barriers is a plain loop. What a GPU forgives or
// leaves undefined is an error here: a barrier that some threads do not reach, or reach at another line, and a warp operation in
// a partial warp.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __shared__ thread_local
#define __launch_bounds__(...)

struct alignas(16) float4
{
    float x, y, z, w;
};

struct dim3
{
    unsigned x = 1, y = 1, z = 1;
};

extern dim3 gridDim, blockDim, blockIdx, threadIdx;

namespace shim
{
    constexpr unsigned WarpSize = 32;

    void block_barrier(int line);
    void warp_barrier(unsigned mask, int line);
    unsigned lane();
    uint64_t* warp_slots();     // one for each lane of the running thread's warp

    template <class T>
    T shuffle_xor(unsigned mask, T value, unsigned lane_mask, int line)
    {
        static_assert(sizeof(T) <= sizeof(uint64_t));
        T other;
        std::memcpy(warp_slots() + lane(), &value, sizeof(T));
        warp_barrier(mask, line);
        std::memcpy(&other, warp_slots() + (lane() ^ lane_mask), sizeof(T));
        warp_barrier(mask, line);
        return other;
    }

    template <class To, class From>
    To bits(From from)
    {
        To to;
        static_assert(sizeof to == sizeof from);
        std::memcpy(&to, &from, sizeof to);
        return to;
    }

    template <class... A, size_t... I>
    void call(void (*kernel)(A...), void** parameters, std::index_sequence<I...>) { kernel(*(A*)parameters[I]...); }

    template <class... A>
    void call(void (*kernel)(A...), void** parameters) { call(kernel, parameters, std::index_sequence_for<A...>()); }

    template <class T>
    constexpr bool is_written = std::is_pointer_v<T> && !std::is_const_v<std::remove_pointer_t<T>>;

    // The size of each parameter, negative for the address of something that the kernel may write; then 0.
    template <class... A>
    const int* parameters(void (*)(A...))
    {
        static const int of[] = { (is_written<A> ? -(int)sizeof(A) : (int)sizeof(A))..., 0 };
        return of;
    }
}

// What the driver asks of a kernel: to run in the running fiber, and what its parameters are.
#define EXPORT(name) \
    extern "C" void run_##name(void** parameters) { shim::call(name, parameters); } \
    extern "C" const int* parameters_##name() { return shim::parameters(name); }

#define __syncthreads() shim::block_barrier(__LINE__)
#define __shfl_xor_sync(mask, value, lane_mask) shim::shuffle_xor(mask, value, lane_mask, __LINE__)

inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }

inline float __uint_as_float(unsigned bits) { return shim::bits<float>(bits); }
inline float __int_as_float(int bits) { return shim::bits<float>(bits); }
inline unsigned __float_as_uint(float x) { return shim::bits<unsigned>(x); }

template <class T> inline T min(T a, T b) { return b < a ? b : a; }
template <class T> inline T max(T a, T b) { return a < b ? b : a; }
