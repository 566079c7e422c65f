// y[i] = factor x the sum of the i-th of `runs` equal runs of x;  dx = factor dy[i] over the i-th run.
//
// Sums are in double, so the total of a long run is as precise as its elements. One warp sums one run, or one chunk of a long run.
// The chunk size depends on the run's length alone, so a row's bits do not depend on the number of rows.
// Bytes: 4 per element of x (forward), 4 per element of dx, 8 if it adds (backward).
#include "quad.cuh"
#include "reduce.cuh"

// The sum of x[0..count), in every lane of the warp.
__device__ inline double sum_of_run(const float* x, unsigned count)
{
    double sum = 0;
    for (unsigned i = 4 * (threadIdx.x % WarpSize); i < count; i += 4 * WarpSize)
    {
        float4 v = load4(x + i, count - i);
        sum += ((double)v.x + v.y) + ((double)v.z + v.w);
    }
    return warp_sum(sum);
}

extern "C" __global__ void __launch_bounds__(128) sum_forward(
    const float* x,         // input: (runs, length)
    float factor,
    float* y,               // output: (runs)
    unsigned runs, unsigned length)
{
    unsigned run = thread_index() / WarpSize;
    if (run >= runs) return;
    double sum = sum_of_run(x + (size_t)run * length, length);
    if (threadIdx.x % WarpSize == 0) y[run] = (float)(factor * sum);
}

// The first of two stages for long runs: a run is `chunks` chunks of `chunk` elements; the last one may be shorter.
extern "C" __global__ void __launch_bounds__(128) sum_chunks(
    const float* x,         // input: (runs, length)
    double* partial,        // output: (runs, chunks)
    unsigned runs, unsigned length, unsigned chunks, unsigned chunk)
{
    unsigned warp = thread_index() / WarpSize;
    if (warp >= runs * chunks) return;
    unsigned run = warp / chunks, first = warp % chunks * chunk;
    double sum = sum_of_run(x + (size_t)run * length + first, min(chunk, length - first));
    if (threadIdx.x % WarpSize == 0) partial[warp] = sum;
}

// The second stage: one warp per run adds up its chunks.
extern "C" __global__ void __launch_bounds__(128) sum_total(
    const double* partial,  // input: (runs, chunks)
    float factor,
    float* y,               // output: (runs)
    unsigned runs, unsigned chunks)
{
    unsigned run = thread_index() / WarpSize, lane = threadIdx.x % WarpSize;
    if (run >= runs) return;
    double sum = 0;
    for (unsigned i = lane; i < chunks; i += WarpSize)
        sum += partial[(size_t)run * chunks + i];
    sum = warp_sum(sum);
    if (lane == 0) y[run] = (float)(factor * sum);
}

extern "C" __global__ void __launch_bounds__(256) sum_backward(
    const float* dy,        // input: (runs)
    float factor,
    float* dx,              // gradient: (runs, length)
    unsigned runs, unsigned length, int adds)
{
    RowQuad q = row_quad(length);
    if (q.row >= runs) return;
    float term = factor * dy[q.row];
    accumulate4(dx + (size_t)q.row * length + q.at, length - q.at, { term, term, term, term }, adds);
}
