// The optimizer and the loop's counters, all on the device.
// Bytes: 28 per parameter (read p, g, m, v; write p, m, v); 8 per appended element.
#include "adam.cuh"

extern "C" __global__ void __launch_bounds__(256) adam_update_all(
    AdamSettings settings,
    float* p,               // parameter: (n)
    const float* dp,        // input: (n)
    float* m,               // state: (n) mean gradient
    float* v,               // state: (n) mean squared gradient
    const float* step,      // input: (1) steps done before
    unsigned n)
{
    AdamStep s = adam_step(settings, step);
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    adam_update(s, load4(dp + i, n - i), p + i, m + i, v + i, n - i);
}

// Row step of history = x; past the last row nothing is written.
extern "C" __global__ void __launch_bounds__(256) append_row(
    const float* x,         // input: (length)
    const float* step,      // input: (1)
    float* history,         // output: (rows, length)
    unsigned rows, unsigned length)
{
    unsigned i = 4 * thread_index(), row = (unsigned)step[0];
    if (i >= length || row >= rows) return;
    store4(history + (size_t)row * length + i, length - i, load4(x + i, length - i));
}

// step += 1
extern "C" __global__ void advance_step(float* step)
{
    if (thread_index() == 0) step[0] += 1.f;
}
