using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal readonly partial struct Launch
{
    public static Launch Standardise(Tensor x, Tensor mean, Tensor std, Tensor y) =>
        EachOfImages("information", "standardise_forward", x.Shape, x, mean, std, y, x.Shape.N, x.Shape.Row);

    public static Launch Restrict(Tensor x, Tensor λ, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z) =>
        EachOfImages("restrict", IsHalf(z) ? "restrict_forward_bf16" : "restrict_forward", x.Shape,
            Argue(noise, z, x.Shape.N), Argue(mean, std, active), x, λ, z, x.Shape.N, clamp);

    public static Launch RestrictBackward(
        Tensor x, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z, Tensor dz, Accumulator dλ) =>
        EachOfImages("restrict", IsHalf(dz) ? "restrict_backward_bf16" : "restrict_backward", x.Shape,
            Argue(noise, dz, x.Shape.N), Argue(mean, std, active), x, clamp ? z : (nint)0, dz, dλ.Tensor, x.Shape.N, dλ.Adds);

    /// <summary>
    /// <see cref="RestrictBackward"/>, and in the same pass dλ += weight active λ (r² + (2 - λ) / (1 - λ)) with r = (x - mean) / std:
    /// the gradient of the whole loss, weight being the loss's derivative with respect to each neuron's information: β / (H W C) for β
    /// times their mean.
    /// </summary>
    public static Launch RestrictInformationBackward(
        Tensor x, Tensor λ, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z, Tensor dz,
        float weight, Accumulator dλ) =>
        EachOfImages("restrict", IsHalf(dz) ? "restrict_information_backward_bf16" : "restrict_information_backward", x.Shape,
            Argue(noise, dz, x.Shape.N), Argue(mean, std, active), x, λ, clamp ? z : (nint)0, dz, weight, dλ.Tensor, x.Shape.N, dλ.Adds);

    public static Launch Information(Tensor r, Tensor λ, Tensor active, Tensor y) =>
        EachOfImages("information", "information_forward", r.Shape, r, λ, active, y, r.Shape.N, r.Shape.Row);

    public static Launch InformationBackward(Tensor r, Tensor λ, Tensor active, Tensor dy, Accumulator dλ) =>
        EachOfImages("information", "information_backward", r.Shape, r, λ, active, dy, dλ.Tensor, r.Shape.N, r.Shape.Row, dλ.Adds);

    /// <summary>Scratch bytes between <see cref="InformationChunks"/> and <see cref="SumTotal"/>.</summary>
    public static long InformationScratch(Tensor r, Tensor y) => (long)y.Shape.Count * Chunks(r, y) * sizeof(double);

    /// <summary>The first of two stages of the information's sum over each image.</summary>
    public static Launch InformationChunks(Tensor r, Tensor λ, Tensor active, nint partial, Tensor y) =>
        new("information", "information_chunks", Warps((long)y.Shape.Count * Chunks(r, y)), Threads(128),
            r, λ, active, partial, y.Shape.Count, Run(r, y), Chunks(r, y), Chunk);

    /// <summary>y (I, H, W) = the information of each pixel in nats, summed over channels.</summary>
    public static Launch Heatmap(Tensor r, Tensor λ, Tensor active, Tensor y) =>
        new("information", "heatmap_forward", Warps(Pixels(r)), Threads(128), r, λ, active, y, r.Shape.N, r.Shape.H * r.Shape.W, r.Shape.C);

    public static Launch AddNoise(Tensor x, Noise noise, float scale, Tensor y) =>
        EachOfImages("noise", "noise_forward", y.Shape,
            Argue(noise, y, noise.Images.Shape.Count), x, scale, y, y.Shape.N, y.Shape.N / x.Shape.N);

    /// <summary>λ = the blur of sigmoid(α). The taps must fit (<see cref="BlurFits"/>).</summary>
    public static Launch Mask(Tensor α, Tensor taps, Tensor λ) => Tiled("mask", "mask_forward", α.Shape, taps, [α, taps, λ], []);

    /// <summary>The gradient of <see cref="Mask"/> for dλ, and with it one step of Adam on α.</summary>
    public static Launch MaskBackwardAdam(Tensor α, Tensor dλ, Tensor taps, Tensor m, Tensor v, Tensor step, AdamSettings settings) =>
        Tiled("mask", "mask_backward_adam", α.Shape, taps, [Argument.Of(settings), α, dλ, taps, m, v, step], []);

    /// <summary>Four neighbouring elements of an image per thread.</summary>
    private static Launch EachOfImages(string file, string kernel, Shape images, params ReadOnlySpan<Argument> arguments) =>
        new(file, kernel, RowQuads(images.N, images.Row), Threads(256), arguments);

    private static Argument Argue(Noise noise, Tensor copies, int images) => Argument.Of(new NoiseArgument(
        Argument.Address(noise.Images), Argument.Address(noise.Step), Argument.Address(noise.Recorded),
        noise.Seed, copies.Shape.N / images, copies.Shape.Row));

    private static Argument Argue(Tensor mean, Tensor std, Tensor active) =>
        Argument.Of(new StatisticsArgument(Argument.Address(mean), Argument.Address(std), Argument.Address(active)));

    /// <summary>The struct Noise of philox.cuh: the seed's low 32 bits come first.</summary>
    private readonly record struct NoiseArgument(nint Images, nint Step, nint Recorded, ulong Seed, int Copies, int Length);

    /// <summary>The struct Statistics of restrict.cu.</summary>
    private readonly record struct StatisticsArgument(nint Mean, nint Std, nint Active);
}
