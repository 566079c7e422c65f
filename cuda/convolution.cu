// y (N, P, Q, K) = x (N, H, W, C) * w (K, R, R, C), cross-correlation, + bias + residual, then ReLU; dx the transposed convolution of dy,
// dw the correlation of x with dy. Each is a matrix product whose operands are computed from indices and never stored (implicit GEMM):
//     forward     rows n p q,  columns k,      depth r s c:   x at the kernel's offset, w
//     data        rows n h w,  columns c,      depth r s k:   dy where the stride divides, w
//     weights     rows k,      columns r s c,  depth n p q:   dy, x at the kernel's offset
// Not tuned: used where cuDNN is not available, and to check cuDNN's results. FLOP: 2 N P Q K R R C each.
#include "product.cuh"

struct Images
{
    int N, H, W, C;         // of x
    int P, Q, K;            // of y
    int kernel, stride, padding;
};

// x for the forward pass and the weight gradient, at pixel (n, p, q) of y and offset (r, s, c) of the kernel.
template <class T>
__device__ inline float under_kernel(const Images& g, const T* x, unsigned pixel, unsigned offset)
{
    int q = pixel % g.Q, p = pixel / g.Q % g.P, n = pixel / g.Q / g.P;
    int c = offset % g.C, s = offset / g.C % g.kernel, r = offset / g.C / g.kernel;
    int h = p * g.stride - g.padding + r, w = q * g.stride - g.padding + s;
    return h >= 0 && h < g.H && w >= 0 && w < g.W ? to_float(x[((size_t)(n * g.H + h) * g.W + w) * g.C + c]) : 0.f;
}

template <class T>
struct Patches      // a line is a pixel of y
{
    Images g;
    const T* x;
    static constexpr bool AlongDepth = true;
    __device__ float operator()(unsigned line, unsigned d) const { return under_kernel(g, x, line, d); }
};

struct Offsets      // a line is an offset of the kernel
{
    Images g;
    const float* x;
    static constexpr bool AlongDepth = false;
    __device__ float operator()(unsigned line, unsigned d) const { return under_kernel(g, x, d, line); }
};

// dy for the data gradient: pixel (n, h, w) of x contributes through kernel offset (r, s) to p = (h + padding - r) / stride.
template <class T>
struct Outputs
{
    Images g;
    const T* dy;
    static constexpr bool AlongDepth = true;
    __device__ float operator()(unsigned line, unsigned d) const
    {
        int w = line % g.W, h = line / g.W % g.H, n = line / g.W / g.H;
        int k = d % g.K, s = d / g.K % g.kernel, r = d / g.K / g.kernel;
        int down = h + g.padding - r, across = w + g.padding - s;
        if (down < 0 || across < 0 || down % g.stride || across % g.stride) return 0.f;
        int p = down / g.stride, q = across / g.stride;
        return p < g.P && q < g.Q ? to_float(dy[((size_t)(n * g.P + p) * g.Q + q) * g.K + k]) : 0.f;
    }
};

// w (K, R, S, C) with c for a line and (r, s, k) for depth.
template <class T>
struct Transposed
{
    Images g;
    const T* w;
    static constexpr bool AlongDepth = false;
    __device__ float operator()(unsigned line, unsigned d) const
    {
        unsigned k = d % g.K, offset = d / g.K;
        return to_float(w[((size_t)k * g.kernel * g.kernel + offset) * g.C + line]);
    }
};

template <class T>
struct Kernels      // a line is a channel of y
{
    const T* w;
    unsigned length;
    static constexpr bool AlongDepth = true;
    __device__ float operator()(unsigned line, unsigned d) const { return to_float(w[(size_t)line * length + d]); }
};

template <class T>
__device__ inline void forward(Images g, const T* x, const T* w, const float* bias, const T* residual, T* y, int relu)
{
    unsigned kernel = g.kernel * g.kernel * g.C;
    product(Patches<T> { g, x }, Kernels<T> { w, kernel }, Unit<T> { bias, residual, y, (unsigned)g.K, relu }, g.N * g.P * g.Q, g.K, kernel);
}

template <class T>
__device__ inline void backward_data(Images g, const T* dy, const T* w, T* dx, int adds, const T* gate)
{
    unsigned rows = g.N * g.H * g.W;
    product(Outputs<T> { g, dy }, Transposed<T> { g, w }, Term<T> { dx, gate, (unsigned)g.C, adds }, rows, g.C, g.kernel * g.kernel * g.K);
}

extern "C" __global__ void __launch_bounds__(256) convolution_forward(
    Images g,
    const float* x,         // input: (N, H, W, C)
    const float* w,         // input: (K, R, R, C)
    const float* bias,      // input: (K), or null
    const float* residual,  // input: (N, P, Q, K), or null
    float* y,               // output: (N, P, Q, K)
    int relu)
{
    forward(g, x, w, bias, residual, y, relu);
}

extern "C" __global__ void __launch_bounds__(256) convolution_backward_data(
    Images g,
    const float* dy,        // input: (N, P, Q, K)
    const float* w,         // input: (K, R, R, C)
    float* dx,              // gradient: (N, H, W, C)
    int adds,
    const float* gate)      // input: (N, H, W, C), or null
{
    backward_data(g, dy, w, dx, adds, gate);
}

extern "C" __global__ void __launch_bounds__(256) convolution_backward_weights(
    Images g,
    const float* x,         // input: (N, H, W, C)
    const float* dy,        // input: (N, P, Q, K)
    float* dw,              // gradient: (K, R, R, C)
    int adds)
{
    unsigned kernel = g.kernel * g.kernel * g.C;
    product(Columns { dy, (unsigned)g.K }, Offsets { g, x }, Term<float> { dw, nullptr, kernel, adds }, g.K, kernel, g.N * g.P * g.Q);
}

extern "C" __global__ void __launch_bounds__(256) convolution_forward_bf16(
    Images g,
    const bf16* x,          // input: (N, H, W, C)
    const bf16* w,          // input: (K, R, R, C)
    const float* bias,      // input: (K), or null
    const bf16* residual,   // input: (N, P, Q, K), or null
    bf16* y,                // output: (N, P, Q, K)
    int relu)
{
    forward(g, x, w, bias, residual, y, relu);
}

extern "C" __global__ void __launch_bounds__(256) convolution_backward_data_bf16(
    Images g,
    const bf16* dy,         // input: (N, P, Q, K)
    const bf16* w,          // input: (K, R, R, C)
    bf16* dx,               // gradient: (N, H, W, C)
    int adds,
    const bf16* gate)       // input: (N, H, W, C), or null
{
    backward_data(g, dy, w, dx, adds, gate);
}
