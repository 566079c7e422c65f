// The blur of an image or its adjoint, separable, in one pass over memory.
//
// A block computes a tile of height x width pixels by 8 channels of one image: it loads the tile with a border of `radius` (clipped at the
// image), blurs it along H into shared memory and along W into registers. The caller defines what is loaded and where the result goes:
//     load(offset, left) -> float4            four elements at that offset of the (N, H, W, C) tensor
//     store(offset, left, float4 blurred)
// Threads run along the channels first: 8 of them are one 32-byte sector. Sums run along H, then W, from the first element to the last,
// as on the CPU, and give the same bits.
#pragma once
#include "mirror.cuh"
#include "quad.cuh"

constexpr int TileQuads = 2;            // quads of channels in a tile
extern __shared__ float4 shared_memory[];

struct BlurTile
{
    int height, width;                  // pixels of a tile; those at the image's end may be smaller
};

// The part of an axis that a tile beginning at `first` needs.
struct Stretch
{
    int first, end;
};

__device__ inline Stretch with_border(int first, int tile, int radius, int extent)
{
    return { max(first - radius, 0), min(first + tile + radius, extent) };
}

// One element of a blurred axis, element `at` of `extent`; line(j) gives four elements at j.
template <bool Adjoint, class Line>
__device__ inline float4 blur_line(const float* taps, int radius, int at, int extent, Line line)
{
    float4 sum = {};
    for (int j = max(at - radius, 0); j <= min(at + radius, extent - 1); j++)
        sum = fma4(Adjoint ? mirror_weight(taps, radius, j, at, extent) : mirror_weight(taps, radius, at, j, extent), line(j), sum);
    return sum;
}

// Blocks: one per image, tile row, tile column and group of 8 channels, the last fastest.
// Shared memory: TileQuads (rows + tile.height) x columns float4, where a tile with its border has rows x columns pixels.
template <bool Adjoint, class Load, class Store>
__device__ inline void blur_tile(Load load, Store store, const float* taps, int radius, int H, int W, int C, BlurTile tile)
{
    int groups = (C + 4 * TileQuads - 1) / (4 * TileQuads);
    int tiles_h = (H + tile.height - 1) / tile.height, tiles_w = (W + tile.width - 1) / tile.width;
    int c0 = blockIdx.x % groups * 4 * TileQuads;
    int w0 = blockIdx.x / groups % tiles_w * tile.width;
    int h0 = blockIdx.x / groups / tiles_w % tiles_h * tile.height;
    int n = blockIdx.x / groups / tiles_w / tiles_h;

    Stretch rows = with_border(h0, tile.height, radius, H), columns = with_border(w0, tile.width, radius, W);
    int height = min(tile.height, H - h0), width = min(tile.width, W - w0);
    int high = rows.end - rows.first, wide = columns.end - columns.first;
    float4* before = shared_memory;                             // (high, wide, TileQuads)
    float4* down = shared_memory + high * wide * TileQuads;     // (height, wide, TileQuads)

    for (int i = threadIdx.x; i < high * wide * TileQuads; i += blockDim.x)
    {
        int c = c0 + i % TileQuads * 4, w = columns.first + i / TileQuads % wide, h = rows.first + i / TileQuads / wide;
        if (c < C) before[i] = load(((size_t)(n * H + h) * W + w) * C + c, (unsigned)(C - c));
    }
    __syncthreads();

    for (int i = threadIdx.x; i < height * wide * TileQuads; i += blockDim.x)
    {
        int place = i % (wide * TileQuads), h = h0 + i / (wide * TileQuads);
        if (c0 + i % TileQuads * 4 >= C) continue;
        down[i] = blur_line<Adjoint>(taps, radius, h, H, [=](int j) { return before[(j - rows.first) * wide * TileQuads + place]; });
    }
    __syncthreads();

    for (int i = threadIdx.x; i < height * width * TileQuads; i += blockDim.x)
    {
        int quad = i % TileQuads, w = w0 + i / TileQuads % width, row = i / TileQuads / width, c = c0 + 4 * quad;
        if (c >= C) continue;
        float4 v = blur_line<Adjoint>(taps, radius, w, W, [=](int j) { return down[(row * wide + j - columns.first) * TileQuads + quad]; });
        store(((size_t)(n * H + h0 + row) * W + w) * C + c, (unsigned)(C - c), v);
    }
}
