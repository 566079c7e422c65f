// db[k] = the sum of dy (rows, K) over its rows: the gradient of a bias. Forward is part of the convolution or the product.
//
// Two stages in a fixed order, in double. A block of 32 x 8 threads takes a chunk of rows and 128 columns: thread (x, y) sums
// four columns over every eighth row, then the eight sums of a column are added in shared memory. Bytes: 4 per element of dy.
#include "quad.cuh"

constexpr int BiasLanes = 32;   // blockDim.x: quads of columns
constexpr int BiasRows = 8;     // blockDim.y: rows at a time

extern "C" __global__ void __launch_bounds__(BiasLanes * BiasRows) bias_chunks(
    const float* dy,        // input: (rows, K)
    double* partial,        // output: (chunks, K); gridDim.y is the number of chunks
    unsigned rows, unsigned K, unsigned chunk)
{
    __shared__ double sums[BiasRows][4 * BiasLanes];
    unsigned k = 4 * (blockIdx.x * BiasLanes + threadIdx.x);
    unsigned first = blockIdx.y * chunk, end = min(first + chunk, rows);
    double a = 0, b = 0, c = 0, d = 0;
    for (unsigned row = first + threadIdx.y; row < end && k < K; row += BiasRows)
    {
        float4 v = load4(dy + (size_t)row * K + k, K - k);
        a += v.x, b += v.y, c += v.z, d += v.w;
    }
    double* mine = &sums[threadIdx.y][4 * threadIdx.x];
    mine[0] = a, mine[1] = b, mine[2] = c, mine[3] = d;
    __syncthreads();
    // 128 columns for 256 threads: the first half of the block writes.
    unsigned column = threadIdx.y * BiasLanes + threadIdx.x;
    if (column >= 4 * BiasLanes || blockIdx.x * 4 * BiasLanes + column >= K) return;
    double sum = 0;
    for (int y = 0; y < BiasRows; y++)
        sum += sums[y][column];
    partial[(size_t)blockIdx.y * K + blockIdx.x * 4 * BiasLanes + column] = sum;
}

extern "C" __global__ void __launch_bounds__(128) bias_total(
    const double* partial,  // input: (chunks, K)
    float* db,              // gradient: (K)
    unsigned chunks, unsigned K, int adds)
{
    unsigned k = thread_index();
    if (k >= K) return;
    double sum = 0;
    for (unsigned chunk = 0; chunk < chunks; chunk++)
        sum += partial[(size_t)chunk * K + k];
    db[k] = adds ? db[k] + (float)sum : (float)sum;
}
