using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Tests.Emulator;
using Tests.Engine;
using Xunit;

namespace Tests.Kernels;

/// <summary>Fused kernels give the results of the verbs that they combine.</summary>
public sealed class FusedKernelTests
{
    private const int Cases = 20;

    private static readonly AdamSettings Settings = new(1);

    private static Gen<(Shape Shape, int Seed)> Images { get; } =
        Gen.Select(
            Gen.Int[1, 2], Gen.Int[3, 30], Gen.Int[3, 30], Gen.Int[1, 40], Gen.Int, (n, h, w, c, seed) => (new Shape(n, h, w, c), seed));

    [Fact]
    public void Mask_is_the_blur_of_the_sigmoid() => Sample((gpu, x, s) =>
    {
        (Tensor α, Tensor taps) = (x.Random(s, -6, 6), Taps(x));
        (Tensor y, Tensor blurred, Tensor fused) = (x.Empty(s), x.Empty(s), x.Empty(s));
        gpu.Backend.Map(new Sigmoid(), α, y);
        gpu.Backend.Blur(y, taps, blurred);
        gpu.Run(Launch.Mask(α, taps, fused));
        Assert.Equal(x.Download(blurred), x.Download(fused));
    });

    [Fact]
    public void Mask_backward_with_Adam_takes_Adams_step() => Sample((gpu, x, s) =>
    {
        Tensor taps = Taps(x), step = x.Zeros(new Shape(1));
        (Tensor α, Tensor m, Tensor v) = (x.Random(s, -6, 6), x.Zeros(s), x.Zeros(s));
        (Tensor fusedα, Tensor fusedM, Tensor fusedV) = (x.Upload(s, x.Download(α)), x.Zeros(s), x.Zeros(s));
        for (int i = 0; i < 3; i++)
        {
            Tensor dλ = x.Random(s);
            gpu.Backend.Adam(α, MaskBackward(x, α, taps, dλ), m, v, step, Settings);
            gpu.Run(Launch.MaskBackwardAdam(fusedα, dλ, taps, fusedM, fusedV, step, Settings));
            gpu.Backend.Advance(step);
        }
        Assert.Equal(x.Download(α), x.Download(fusedα));
        Assert.Equal(x.Download(m), x.Download(fusedM));
        Assert.Equal(x.Download(v), x.Download(fusedV));
    });

    [Fact]
    public void Heatmap_is_the_information_summed_over_channels() => Sample((gpu, x, s) =>
    {
        (Tensor r, Tensor λ, Tensor active) = (x.Random(s, -3, 3), x.Random(s, 0, 1), x.Whole(s.WithN(1), 0, 1));
        var pixels = new Shape(s.N, s.H, s.W);
        (Tensor capacity, Tensor sums, Tensor fused) = (x.Empty(s), x.Empty(pixels), x.Empty(pixels));
        gpu.Backend.Information(r, λ, active, capacity);
        gpu.Backend.Sum(capacity, 1f, sums);
        gpu.Run(Launch.Heatmap(r, λ, active, fused));
        Assert.Equal(x.Download(sums), x.Download(fused));
    });

    /// <summary>Both sum three terms, in different order: a few roundings of 6e-8.</summary>
    [Fact]
    public void Restriction_and_information_share_a_backward_pass() => Sample((gpu, numbers, s) =>
    {
        const float Weight = 0.03f;
        Shape one = s.WithN(1), all = s.WithN(3 * s.N);
        (Tensor mean, Tensor std, Tensor active) = (numbers.Random(one), numbers.Random(one, 0.1f, 2), numbers.Whole(one, 0, 1));
        (Tensor x, Tensor λ, Tensor dz) = (numbers.Random(s, -2, 2), numbers.Random(s, 0, 0.99f), numbers.Random(all));
        (Tensor z, Tensor r, Tensor dλ, Tensor fused) = (numbers.Empty(all), numbers.Empty(s), numbers.Empty(s), numbers.Empty(s));
        Tensor weights = numbers.Random(s, Weight, Weight);
        var noise = new Noise(42, numbers.Whole(new Shape(s.N), 0, 8), numbers.Upload(7f));
        foreach (bool clamp in (ReadOnlySpan<bool>)[false, true])
        {
            gpu.Backend.Restrict(x, λ, mean, std, active, noise, clamp, z);
            gpu.Backend.RestrictBackward(x, mean, std, active, noise, clamp, z, dz, new Accumulator(dλ, Adds: false));
            gpu.Backend.Standardise(x, mean, std, r);
            gpu.Backend.InformationBackward(r, λ, active, weights, new Accumulator(dλ, Adds: true));
            gpu.Run(Launch.RestrictInformationBackward(
                x, λ, mean, std, active, noise, clamp, z, dz, Weight, new Accumulator(fused, Adds: false)));
            Close.InMaxNorm(numbers.Download(dλ), numbers.Download(fused), 1e-6, "gradient of the mask");
        }
    });

    private static Tensor MaskBackward(TestTensors x, Tensor α, Tensor taps, Tensor dλ)
    {
        (Tensor s, Tensor ds, Tensor dα) = (x.Empty(α.Shape), x.Empty(α.Shape), x.Empty(α.Shape));
        x.Backend.Map(new Sigmoid(), α, s);
        x.Backend.BlurBackward(dλ, taps, new Accumulator(ds, Adds: false));
        x.Backend.MapBackward(new Sigmoid(), α, s, ds, new Accumulator(dα, Adds: false));
        return dα;
    }

    private static Tensor Taps(TestTensors x) => x.Upload(GaussianTaps.Of(1));

    private static void Sample(Action<EmulatedGpu, TestTensors, Shape> check)
    {
        using var gpu = new EmulatedGpu();
        Images.Sample((shape, seed) =>
        {
            using var numbers = new TestTensors(gpu.Backend, seed);
            check(gpu, numbers, shape);
        }, iter: Cases, threads: 1);
    }
}
