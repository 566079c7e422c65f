// One step of gradient descent with momentum: v = momentum v + g + decay p,  p += rate v, where rate is -lr.
// Bytes: 20 per parameter (read p, g, v; write p, v).
#include "quad.cuh"

struct SgdStep
{
    float momentum, decay, rate;
};

extern "C" __global__ void __launch_bounds__(256) sgd_update_all(
    SgdStep s,
    float* p,               // parameter: (n)
    const float* dp,        // input: (n)
    float* velocity,        // state: (n)
    unsigned n)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    float4 x = load4(p + i, n - i), g = load4(dp + i, n - i);
    float4 pull = map4([s](float x, float g) { return fmaf(x, s.decay, g); }, x, g);
    float4 v = map4([s](float v, float pull) { return v * s.momentum + pull; }, load4(velocity + i, n - i), pull);
    store4(velocity + i, n - i, v);
    store4(p + i, n - i, map4([s](float x, float v) { return fmaf(v, s.rate, x); }, x, v));
}
