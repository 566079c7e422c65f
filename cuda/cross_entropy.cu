// y[n] = -ln softmax(logits[n])[target] in nats;  dlogits[n] = dy[n] (softmax(logits[n]) - onehot(target)).
//
// One block per row. The row's largest logit is subtracted before the exponential, so nothing overflows, and the sum is in double.
// Targets are class indices stored as floats; a value that is not a class index gives NaN and NaN gradients, and no read past the row.
// Bytes: 4 per logit forward, 8 backward (12 if it adds); the row is read three times, twice from the L1 and L2 cache.
#include "reduce.cuh"

struct Softmax
{
    float top;      // the largest logit
    double sum;     // softmax(x) = e^(x - top) / sum
};

__device__ inline Softmax softmax_of(const float* row, int K)
{
    float top = -__int_as_float(0x7f800000);
    double sum = 0;
    for (int k = threadIdx.x; k < K; k += blockDim.x)
        top = fmaxf(top, row[k]);
    top = block_max(top);
    for (int k = threadIdx.x; k < K; k += blockDim.x)
        sum += exp((double)row[k] - top);
    return { top, block_sum(sum) };
}

extern "C" __global__ void __launch_bounds__(256) cross_entropy_forward(
    const float* logits,    // input: (N, K); gridDim.x is N
    const float* targets,   // input: (N)
    float* y,               // output: (N) nats
    int K)
{
    int n = blockIdx.x;
    const float* row = logits + (size_t)n * K;
    Softmax s = softmax_of(row, K);
    if (threadIdx.x > 0) return;
    float target = targets[n];
    y[n] = target >= 0 && target < K ? (float)(log(s.sum) + s.top - row[(int)target]) : __int_as_float(0x7fc00000);
}

extern "C" __global__ void __launch_bounds__(256) cross_entropy_backward(
    const float* logits,    // input: (N, K); gridDim.x is N
    const float* targets,   // input: (N)
    const float* dy,        // input: (N)
    float* dlogits,         // gradient: (N, K)
    int K, int adds)
{
    int n = blockIdx.x;
    const float* row = logits + (size_t)n * K;
    float* drow = dlogits + (size_t)n * K;
    Softmax s = softmax_of(row, K);
    float target = targets[n];
    double d = target >= 0 && target < K ? dy[n] : __int_as_float(0x7fc00000);
    for (int k = threadIdx.x; k < K; k += blockDim.x)
    {
        float term = (float)(d * (exp((double)row[k] - s.top) / s.sum) - (k == (int)target ? d : 0));
        drow[k] = adds ? drow[k] + term : term;
    }
}
