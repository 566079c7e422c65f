// Sums and maxima over a warp or a block, always in the same order: the result is deterministic.
#pragma once

constexpr int WarpSize = 32;
constexpr unsigned WholeWarp = 0xffffffffu;

// The sum over the 32 lanes, in every lane. T: float, double.
template <class T>
__device__ inline T warp_sum(T v)
{
    for (int step = WarpSize / 2; step > 0; step /= 2)
        v += __shfl_xor_sync(WholeWarp, v, step);
    return v;
}

__device__ inline float warp_max(float v)
{
    for (int step = WarpSize / 2; step > 0; step /= 2)
        v = fmaxf(v, __shfl_xor_sync(WholeWarp, v, step));
    return v;
}

// The sum over a block of whole warps (at most 32 of them), in every thread. Every thread of the block must call this.
__device__ inline double block_sum(double v)
{
    __shared__ double slots[WarpSize];
    int warp = threadIdx.x / WarpSize, lane = threadIdx.x % WarpSize, warps = blockDim.x / WarpSize;
    v = warp_sum(v);
    if (lane == 0) slots[warp] = v;
    __syncthreads();
    v = warp_sum(lane < warps ? slots[lane] : 0);
    __syncthreads();    // the slots may be used again
    return v;
}

// The maximum over a block, likewise.
__device__ inline float block_max(float v)
{
    __shared__ float slots[WarpSize];
    int warp = threadIdx.x / WarpSize, lane = threadIdx.x % WarpSize, warps = blockDim.x / WarpSize;
    v = warp_max(v);
    if (lane == 0) slots[warp] = v;
    __syncthreads();
    v = warp_max(slots[lane < warps ? lane : 0]);
    __syncthreads();
    return v;
}
