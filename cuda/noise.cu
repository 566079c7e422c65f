// y = x + scale epsilon: every row of y gets its own noise. It has its own row of x, or shares one with the other copies of its image.
// Bytes: 8 per element of y, 4 if the copies share x (the rest comes from the L2 cache).
#include "philox.cuh"

extern "C" __global__ void __launch_bounds__(256) noise_forward(
    Noise noise,
    const float* x,         // input: (rows / repeats, length)
    float scale,
    float* y,               // output: (rows, length), rows = images x copies
    unsigned rows, unsigned repeats)
{
    RowQuad q = row_quad(noise.length);
    if (q.row >= rows) return;
    unsigned left = noise.length - q.at;
    unsigned image = q.row / noise.copies;
    float4 e = noise4(noise, noise_counter(noise, image, q.at), image, q.row % noise.copies, q.at, left);
    float4 v = load4(x + (size_t)(q.row / repeats) * noise.length + q.at, left);
    store4(y + (size_t)q.row * noise.length + q.at, left, map4([scale](float x, float e) { return fmaf(scale, e, x); }, v, e));
}
