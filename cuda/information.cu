// The information that passes each neuron (paper, equation 5), in nats. With r = (x - mean) / std and s = 1 - lambda,
//     y = active / 2 ((lambda r)^2 + s^2 - ln s^2 - 1);    dlambda = dy active lambda (r^2 + (2 - lambda) / s).
// The lower bound of s is 2^-24, the distance of the largest float32 below 1, so the result is finite at lambda = 1.
// x, r, lambda: (I, H, W, C), one image per row; mean, std, active: (1, H, W, C), shared by all images.
// Bytes per element: 16 (standardise, forward), 20 (backward, 24 if it adds); for all images but the first, the statistics
// come from the L2 cache.
#include "information.cuh"
#include "quad.cuh"

// y = (x - mean) / std
extern "C" __global__ void __launch_bounds__(256) standardise_forward(
    const float* x,         // input: (images, length)
    const float* mean,      // input: (length)
    const float* std,       // input: (length)
    float* y,               // output: (images, length)
    unsigned images, unsigned length)
{
    RowQuad q = row_quad(length);
    if (q.row >= images) return;
    unsigned left = length - q.at;
    size_t at = (size_t)q.row * length + q.at;
    float4 v = map4([](float x, float mean, float std) { return (x - mean) / std; },
                    load4(x + at, left), load4(mean + q.at, left), load4(std + q.at, left));
    store4(y + at, left, v);
}

extern "C" __global__ void __launch_bounds__(256) information_forward(
    const float* r,         // input: (images, length)
    const float* lambda,    // input: (images, length)
    const float* active,    // input: (length)
    float* y,               // output: (images, length)
    unsigned images, unsigned length)
{
    RowQuad q = row_quad(length);
    if (q.row >= images) return;
    unsigned left = length - q.at;
    size_t at = (size_t)q.row * length + q.at;
    store4(y + at, left, map4(information, load4(r + at, left), load4(lambda + at, left), load4(active + q.at, left)));
}

extern "C" __global__ void __launch_bounds__(256) information_backward(
    const float* r,         // input: (images, length)
    const float* lambda,    // input: (images, length)
    const float* active,    // input: (length)
    const float* dy,        // input: (images, length)
    float* dlambda,         // gradient: (images, length)
    unsigned images, unsigned length, int adds)
{
    RowQuad q = row_quad(length);
    if (q.row >= images) return;
    unsigned left = length - q.at;
    size_t at = (size_t)q.row * length + q.at;
    float4 term = map4(information_slope, load4(r + at, left), load4(lambda + at, left), load4(active + q.at, left), load4(dy + at, left));
    accumulate4(dlambda + at, left, term, adds);
}
