// A row of elements blurred with symmetric taps t(-r..r), its border mirrored about the centres of the end elements
// (x[-k] = x[k], x[e - 1 + k] = x[e - 1 - k] for an extent of e > r), is y = A x with
//     A[i, j] = t(j - i) + (t(i + j) where j > 0) + (t(2 (e - 1) - i - j) where j < e - 1),    t(d) = 0 beyond the radius.
// The adjoint is dx = A' dy: the same entries with i and j exchanged. It differs from the blur at the border.
// |j - i| <= r wherever A is not 0, so both sums run over 2 r + 1 elements around i, clipped at the ends of the row.
#pragma once

// A[i, j] for |j - i| <= radius. taps: (2 radius + 1)
__device__ inline float mirror_weight(const float* taps, int radius, int i, int j, int extent)
{
    float weight = taps[radius + j - i];
    if (j > 0 && i + j <= radius) weight += taps[radius + i + j];
    int beyond = 2 * (extent - 1) - i - j;
    if (j < extent - 1 && beyond <= radius) weight += taps[radius + beyond];
    return weight;
}
