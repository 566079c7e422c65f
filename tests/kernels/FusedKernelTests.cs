using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Xunit;

namespace Tests.Kernels;

/// <summary>Kernels that do the work of several verbs in one pass give what the verbs give one after the other.</summary>
public sealed class FusedKernelTests
{
    private const int Cases = 20;

    private static readonly AdamSettings Settings = new(1);

    private static Gen<(Shape Shape, int Seed)> Images { get; } =
        Gen.Select(
            Gen.Int[1, 2], Gen.Int[3, 30], Gen.Int[3, 30], Gen.Int[1, 40], Gen.Int, (n, h, w, c, seed) => (new Shape(n, h, w, c), seed));

    [Fact]
    public void Mask_is_the_blur_of_the_sigmoid() => Sample((device, on, s) =>
    {
        (Tensor α, Tensor taps) = (device.Random(s, -6, 6), Taps(device));
        (Tensor y, Tensor blurred, Tensor fused) = (device.Output(s), device.Output(s), device.Output(s));
        on.Map(new Sigmoid(), α, y);
        on.Blur(y, taps, blurred);
        device.Run(Launch.Mask(α, taps, fused));
        Same(blurred, fused);
    });

    [Fact]
    public void Mask_backward_is_the_sigmoids_derivative_of_the_blurs_adjoint() => Sample((device, on, s) =>
    {
        (Tensor α, Tensor taps, Tensor dλ) = (device.Random(s, -6, 6), Taps(device), device.Random(s));
        Tensor dα = MaskBackward(device, on, α, taps, dλ), fused = device.Output(s);
        device.Run(Launch.MaskBackward(α, dλ, taps, new Accumulator(fused, Adds: false)));
        Same(dα, fused);

        device.Run(Launch.MaskBackward(α, dλ, taps, new Accumulator(fused, Adds: true)));
        on.Accumulate(dα, new Accumulator(dα, Adds: true));
        Same(dα, fused);
    });

    [Fact]
    public void Mask_backward_with_Adam_takes_Adams_step() => Sample((device, on, s) =>
    {
        Tensor taps = Taps(device), step = device.State(new Shape(1), [0f]);
        float[] zeros = new float[s.Count];
        (Tensor α, Tensor m, Tensor v) = (device.State(s, device.Numbers(s.Count, -6, 6)), device.State(s, zeros), device.State(s, zeros));
        (Tensor fusedα, Tensor fusedM, Tensor fusedV) = (device.State(s, ShimDevice.Span(α)), device.State(s, zeros), device.State(s, zeros));
        for (int i = 0; i < 3; i++)
        {
            Tensor dλ = device.Random(s);
            on.Adam(α, MaskBackward(device, on, α, taps, dλ), m, v, step, Settings);
            device.Run(Launch.MaskBackwardAdam(fusedα, dλ, taps, fusedM, fusedV, step, Settings));
            on.Advance(step);
        }
        Same(α, fusedα);
        Same(m, fusedM);
        Same(v, fusedV);
    });

    [Fact]
    public void Heatmap_is_the_information_summed_over_channels() => Sample((device, on, s) =>
    {
        (Tensor r, Tensor λ, Tensor active) = (device.Random(s, -3, 3), device.Random(s, 0, 1), Flags(device, s));
        var pixels = new Shape(s.N, s.H, s.W);
        (Tensor capacity, Tensor sums, Tensor fused) = (device.Output(s), device.Output(pixels), device.Output(pixels));
        on.Information(r, λ, active, capacity);
        on.Sum(capacity, 1f, sums);
        device.Run(Launch.Heatmap(r, λ, active, fused));
        Same(sums, fused);
    });

    /// <summary>The two differ in the order of a sum of three terms: a few roundings of 6e-8.</summary>
    [Fact]
    public void Restriction_and_information_share_a_backward_pass() => Sample((device, on, s) =>
    {
        const float Weight = 0.03f;
        Shape one = s.WithN(1), all = s.WithN(3 * s.N);
        (Tensor mean, Tensor std, Tensor active) = (device.Random(one), device.Random(one, 0.1f, 2), Flags(device, s));
        (Tensor x, Tensor λ, Tensor dz) = (device.Random(s, -2, 2), device.Random(s, 0, 0.99f), device.Random(all));
        (Tensor z, Tensor r, Tensor dλ, Tensor fused) = (device.Output(all), device.Output(s), device.Output(s), device.Output(s));
        Tensor weights = device.Input(s, Enumerable.Repeat(Weight, s.Count).ToArray());
        var noise = new Noise(42, device.Input(device.Numbers(s.N, 0, 9).Select(MathF.Floor).ToArray()), device.Input(7f));
        foreach (bool clamp in (ReadOnlySpan<bool>)[false, true])
        {
            on.Restrict(x, λ, mean, std, active, noise, clamp, z);
            on.RestrictBackward(x, mean, std, active, noise, clamp, z, dz, new Accumulator(dλ, Adds: false));
            on.Standardise(x, mean, std, r);
            on.InformationBackward(r, λ, active, weights, new Accumulator(dλ, Adds: true));
            device.Run(Launch.RestrictInformationBackward(
                x, λ, mean, std, active, noise, clamp, z, dz, Weight, new Accumulator(fused, Adds: false)));
            Close.InMaxNorm(ShimDevice.Span(dλ), ShimDevice.Span(fused), 1e-6, "gradient of the mask");
        }
    });

    private static Tensor MaskBackward(ShimDevice device, ShimBackend on, Tensor α, Tensor taps, Tensor dλ)
    {
        (Tensor s, Tensor ds, Tensor dα) = (device.Output(α.Shape), device.Output(α.Shape), device.Output(α.Shape));
        on.Map(new Sigmoid(), α, s);
        on.BlurBackward(dλ, taps, new Accumulator(ds, Adds: false));
        on.MapBackward(new Sigmoid(), α, s, ds, new Accumulator(dα, Adds: false));
        return dα;
    }

    private static Tensor Taps(ShimDevice device) => device.Input(GaussianTaps.Of(1));

    private static Tensor Flags(ShimDevice device, Shape s) =>
        device.Input(s.WithN(1), [.. device.Numbers(s.Row, 0, 4).Select(number => number < 1 ? 0f : 1f)]);

    private static void Same(Tensor expected, Tensor actual) =>
        Assert.Equal(ShimDevice.Span(expected).ToArray(), ShimDevice.Span(actual).ToArray());

    private static void Sample(Action<ShimDevice, ShimBackend, Shape> check) => Images.Sample(image =>
    {
        using var device = new ShimDevice(image.Seed);
        check(device, new ShimBackend(device), image.Shape);
    }, iter: Cases, threads: 1);
}
