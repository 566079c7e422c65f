using Engine.Tensors;

namespace Engine.Backends;

/// <summary>
/// Unit normal noise that is never stored: both passes make it again from a counter.
/// Philox4x32-10 with key = seed and counter = (element / 4, image, copy, step), one counter for four neighbouring elements;
/// the element is its index within one image in H, W, C order, so noise does not depend on batch size, order or device.
/// Box-Muller: words (a, b) give the elements 4e, 4e + 1 as r cos θ, r sin θ and (c, d) give 4e + 2, 4e + 3, where
/// r = sqrt(-2 ln u), u = a / 2^32 + 2^-33 in float32 (a rounded, then the sum) and θ = (b + 1/2) / 2^32 turns, brought within an
/// eighth of a turn in whole numbers, so that nothing of b is lost, before it becomes a float. <see cref="Lanes"/> has ln, sine and
/// cosine step by step: a backend that takes the same steps gives the same bits.
/// </summary>
/// <param name="Seed">The key: low word first.</param>
/// <param name="Images">(I) the image word of every image, a whole number below 2^24 kept as a float.</param>
/// <param name="Step">(1) the step word: a counter on the device, so that a recorded loop can be replayed.</param>
/// <param name="Recorded">(I x copies, H, W, C) noise to use in place of the generator's, or null. For comparison with other programs.</param>
public readonly record struct Noise(ulong Seed, Tensor Images, Tensor Step, Tensor? Recorded = null);
