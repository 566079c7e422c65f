// The mask of the bottleneck, lambda = blur(sigmoid(alpha)), fused with its neighbours in the loop (paper, section 3.2, equation 7).
//     mask_forward         lambda from alpha                                   8 bytes per element
//     mask_backward_adam   dalpha = s (1 - s) A' dlambda, s computed again, and Adam's step with it on alpha      28: dalpha is never stored
// Unfused they would take 16 and 48. The arithmetic per element is that of sigmoid.cu, blur.cu and adam.cu in sequence.
#include "adam.cuh"
#include "blur.cuh"
#include "elementary.cuh"

__device__ inline float4 sigmoid_slope4(float4 alpha, float4 d)
{
    return map4([](float alpha, float d) { float s = sigmoid(alpha); return d * (s * (1.f - s)); }, alpha, d);
}

extern "C" __global__ void __launch_bounds__(256) mask_forward(
    const float* alpha,     // input: (I, H, W, C)
    const float* taps,      // input: (2 radius + 1)
    float* lambda,          // output: (I, H, W, C)
    int radius, int H, int W, int C, BlurTile tile)
{
    blur_tile<false>([alpha](size_t at, unsigned left) { return map4(sigmoid, load4(alpha + at, left)); },
                     [lambda](size_t at, unsigned left, float4 v) { store4(lambda + at, left, v); },
                     taps, radius, H, W, C, tile);
}

extern "C" __global__ void __launch_bounds__(256) mask_backward_adam(
    AdamSettings settings,
    float* alpha,           // parameter: (I, H, W, C)
    const float* dlambda,   // input: (I, H, W, C)
    const float* taps,      // input: (2 radius + 1)
    float* m,               // state: (I, H, W, C)
    float* v,               // state: (I, H, W, C)
    const float* step,      // input: (1) steps done before
    int radius, int H, int W, int C, BlurTile tile)
{
    AdamStep s = adam_step(settings, step);
    blur_tile<true>([dlambda](size_t at, unsigned left) { return load4(dlambda + at, left); },
                    [s, alpha, m, v](size_t at, unsigned left, float4 d)
                    {
                        adam_update(s, sigmoid_slope4(load4(alpha + at, left), d), alpha + at, m + at, v + at, left);
                    },
                    taps, radius, H, W, C, tile);
}
