using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal readonly partial struct Launch
{
    /// <summary>Channels of a block of <see cref="Turn"/>.</summary>
    private const int TurnChannels = 8;

    public static Launch Standardise(Tensor x, Tensor mean, Tensor std, Tensor y) =>
        EachOfImages("information", "standardise_forward", x.Shape, x, mean, std, y, x.Shape.N, x.Shape.Row);

    public static Launch Restrict(Tensor x, Tensor λ, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z) =>
        EachOfImages("restrict", IsHalf(z) ? "restrict_forward_bf16" : "restrict_forward", x.Shape,
            Argue(noise, z, x.Shape.N), Argue(mean, std, active), x, λ, z, x.Shape.N, clamp);

    public static Launch RestrictBackward(
        Tensor x, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z, Tensor dz, Accumulator dλ) =>
        EachOfImages("restrict", IsHalf(dz) ? "restrict_backward_bf16" : "restrict_backward", x.Shape,
            Argue(noise, dz, x.Shape.N), Argue(mean, std, active), x, clamp ? z : (nint)0, dz, dλ.Tensor, x.Shape.N, dλ.Adds);

    public static Launch Information(Tensor r, Tensor λ, Tensor active, Tensor y) =>
        EachOfImages("information", "information_forward", r.Shape, r, λ, active, y, r.Shape.N, r.Shape.Row);

    public static Launch InformationBackward(Tensor r, Tensor λ, Tensor active, Tensor dy, Accumulator dλ) =>
        EachOfImages("information", "information_backward", r.Shape, r, λ, active, dy, dλ.Tensor, r.Shape.N, r.Shape.Row, dλ.Adds);

    public static Launch AddNoise(Tensor x, Noise noise, float scale, Tensor y) =>
        EachOfImages("noise", "noise_forward", y.Shape,
            Argue(noise, y, noise.Images.Shape.Count), x, scale, y, y.Shape.N, y.Shape.N / x.Shape.N);

    /// <summary>Shared memory of a block of <see cref="Turn"/>: two planes of 8 channels of an image.</summary>
    public static long TurnShared(Shape λ) => 2L * λ.H * λ.W * TurnChannels * sizeof(float);

    /// <summary>Scratch bytes between <see cref="Turn"/> and <see cref="TurnTotal"/>.</summary>
    public static long TurnScratch(MaskTurn turn) => (long)TurnBlocks(turn.X) * sizeof(double);

    public static Launch Turn(MaskTurn turn, nint partial)
    {
        (Tensor x, Tensor taps) = (turn.X, turn.Taps);
        (Tensor mean, Tensor std, Tensor active) = turn.Statistics;
        (Tensor α, Tensor m, Tensor v) = turn.Parameter;
        return new("mask", IsHalf(turn.Z) ? "mask_turn_bf16" : "mask_turn", new Extent((uint)TurnBlocks(x)), Threads(512),
            Argument.Of(turn.Settings), Argue(turn.Noise, turn.Z, x.Shape.N), Argue(mean, std, active), x, turn.Z, turn.Dz, turn.Mask, α, m, v,
            taps, partial, turn.Weight, taps.Shape.Count / 2, x.Shape.H, x.Shape.W, x.Shape.C, turn.Clamp)
        {
            SharedBytes = (int)TurnShared(x.Shape),
        };
    }

    /// <summary>The second stage of the information's mean over each image.</summary>
    public static Launch TurnTotal(MaskTurn turn, nint partial) =>
        new("sum", "sum_total", Warps(turn.X.Shape.N), Threads(128),
            partial, 1f / turn.X.Shape.Row, turn.Information, turn.X.Shape.N, TurnBlocks(turn.X) / turn.X.Shape.N);

    private static int TurnBlocks(Tensor x) => x.Shape.N * Up(x.Shape.C, TurnChannels);

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
