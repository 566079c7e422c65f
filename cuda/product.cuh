// y (rows, columns) = the sum over depth of a(row, d) b(column, d): the plain matrix product, for shapes that the vendor libraries do
// not support. The caller defines the matrices: a and b are structs that load one element,
//     float operator()(unsigned line, unsigned d)    line: a row of a, a column of y for b
//     static constexpr bool AlongDepth               whether neighbours in d are neighbours in memory (else neighbours in line)
// and store(row, column, sum) receives each result.
//
// A block of 256 threads computes 64 x 64 results, each thread 4 x 4 of them in registers. Depth passes through shared memory in steps of
// 16, loaded along whichever index is contiguous. Depth always runs from 0 up, so a row's bits do not depend on other rows.
#pragma once
#include "quad.cuh"

constexpr unsigned TileLines = 64;      // rows and columns of a block
constexpr unsigned TileDepth = 16;

template <class Fetch>
__device__ inline void fetch_tile(Fetch fetch, float (*tile)[TileLines + 1], unsigned line0, unsigned lines, unsigned d0, unsigned depth)
{
    for (unsigned i = threadIdx.x; i < TileLines * TileDepth; i += blockDim.x)
    {
        unsigned line = Fetch::AlongDepth ? i / TileDepth : i % TileLines, d = Fetch::AlongDepth ? i % TileDepth : i / TileLines;
        tile[d][line] = line0 + line < lines && d0 + d < depth ? fetch(line0 + line, d0 + d) : 0.f;
    }
}

// Blocks: (rows / 64, columns / 64), rounded up.
template <class A, class B, class Store>
__device__ inline void product(A a, B b, Store store, unsigned rows, unsigned columns, unsigned depth)
{
    // One extra element per row, so that neighbours in depth lie in different banks.
    __shared__ float tile_a[TileDepth][TileLines + 1], tile_b[TileDepth][TileLines + 1];
    unsigned row0 = blockIdx.x * TileLines, column0 = blockIdx.y * TileLines;
    unsigned down = threadIdx.x / 16, across = threadIdx.x % 16;
    float sums[4][4] = {};
    for (unsigned d0 = 0; d0 < depth; d0 += TileDepth)
    {
        fetch_tile(a, tile_a, row0, rows, d0, depth);
        fetch_tile(b, tile_b, column0, columns, d0, depth);
        __syncthreads();
        for (unsigned d = 0; d < TileDepth; d++)
            for (unsigned i = 0; i < 4; i++)
                for (unsigned j = 0; j < 4; j++)
                    sums[i][j] = fmaf(tile_a[d][down + 16 * i], tile_b[d][across + 16 * j], sums[i][j]);
        __syncthreads();
    }
    for (unsigned i = 0; i < 4; i++)
        for (unsigned j = 0; j < 4; j++)
        {
            unsigned row = row0 + down + 16 * i, column = column0 + across + 16 * j;
            if (row < rows && column < columns) store(row, column, sums[i][j]);
        }
}

// A matrix in memory: element d of a line is data[line * stride + d], or data[d * stride + line].
struct Lines
{
    const float* data;
    unsigned stride;
    static constexpr bool AlongDepth = true;
    __device__ float operator()(unsigned line, unsigned d) const { return data[(size_t)line * stride + d]; }
};

struct Columns
{
    const float* data;
    unsigned stride;
    static constexpr bool AlongDepth = false;
    __device__ float operator()(unsigned line, unsigned d) const { return data[(size_t)d * stride + line]; }
};

// The forward pass's store: adds bias and residual (each may be null), then applies ReLU if requested.
template <class T>
struct Unit
{
    const float* bias;      // (columns)
    const T* residual;      // (rows, columns)
    T* y;                   // (rows, columns)
    unsigned columns;
    int relu;
    __device__ void operator()(unsigned row, unsigned column, float v) const
    {
        size_t at = (size_t)row * columns + column;
        if (bias) v += bias[column];
        if (residual) v += to_float(residual[at]);
        store1(y + at, relu && v <= 0.f ? 0.f : v);
    }
};

// The backward pass's store: one term of a gradient, gated if `gate` is not null.
template <class T>
struct Term
{
    T* dx;                  // (rows, columns)
    const T* gate;          // (rows, columns)
    unsigned columns;
    int adds;
    __device__ void operator()(unsigned row, unsigned column, float v) const
    {
        size_t at = (size_t)row * columns + column;
        if (adds) v = to_float(dx[at]) + v;
        store1(dx + at, gate && to_float(gate[at]) <= 0.f ? 0.f : v);
    }
};
