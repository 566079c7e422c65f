using Iba.Engine.Tensors;

namespace Iba.Engine.Backends;

/// <summary>
/// Standard normal noise that is never stored: the forward and the backward pass generate it from the same counter.
/// Philox4x32-10 with key = seed and counter = (element / 4, image, copy, step), one counter for four neighbouring elements;
/// the element is its index within one image in H, W, C order, so noise does not depend on batch size, order or device.
/// Box-Muller: outputs (a, b) give the elements 4e, 4e + 1 as r cos θ, r sin θ and (c, d) give 4e + 2, 4e + 3, where
/// r = sqrt(-2 ln u), u = a / 2^32 + 2^-33 in float32 (a is rounded, then the sum) and θ = (b + 1/2) / 2^32 turns. θ is reduced to an
/// eighth of a turn in integers before it becomes a float, so that no bit of b is lost. <see cref="Lanes"/> has ln, sine and cosine
/// step by step: a backend that computes the same steps gives the same bits.
/// </summary>
/// <param name="Seed">The key: its low 32 bits come first.</param>
/// <param name="Images">(I) the counter's image index of every image, an integer below 2^24 stored as a float.</param>
/// <param name="Step">(1) the counter's step: it is on the device, so that a recorded loop can be replayed.</param>
/// <param name="Recorded">
/// (I x copies, H, W, C) noise to use instead of the generator's, or null. For comparison with other programs.
/// </param>
public readonly record struct Noise(ulong Seed, Tensor Images, Tensor Step, Tensor? Recorded = null);
