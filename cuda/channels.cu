// One part of a concatenation: channels `first` to `first` + part of y (rows, C) are x (rows, part);  dx = those of dy.
// A row is a pixel, or a row of a matrix. Bytes: 8 per number of x, 12 where it adds.
#include "quad.cuh"

extern "C" __global__ void __launch_bounds__(256) channels_forward(
    const float* x,         // input: (rows, part)
    float* y,               // output: (rows, C)
    unsigned rows, unsigned part, unsigned C, unsigned first)
{
    RowQuad q = row_quad(part);
    if (q.row >= rows) return;
    store4(y + (size_t)q.row * C + first + q.at, part - q.at, load4(x + (size_t)q.row * part + q.at, part - q.at));
}

extern "C" __global__ void __launch_bounds__(256) channels_backward(
    const float* dy,        // input: (rows, C)
    float* dx,              // gradient: (rows, part)
    unsigned rows, unsigned part, unsigned C, unsigned first, int adds)
{
    RowQuad q = row_quad(part);
    if (q.row >= rows) return;
    float4 term = load4(dy + (size_t)q.row * C + first + q.at, part - q.at);
    accumulate4(dx + (size_t)q.row * part + q.at, part - q.at, term, adds);
}
