using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Tests.Devices;
using Tests.Emulator;
using Xunit;

namespace Tests.Engine;

/// <summary>
/// Where every operation is rounded in a defined order, CUDA gives the CPU's bits. Sums over runs and
/// classes are computed in another order, in double, and are compared to the last place of a float.
/// </summary>
public abstract class TwinTests(Device on, Cpu cpu) : TestsOnDevice(on)
{
    private const int Cases = 25;

    private static readonly float[] Taps = [0.05f, 0.25f, 0.4f, 0.25f, 0.05f];

    /// <summary>Images of up to 20 pixels a side and 70 channels.</summary>
    private static Gen<Shape> Images { get; } =
        Gen.Select(Gen.Int[1, 3], Gen.Int[3, 20], Gen.Int[3, 20], Gen.Int[1, 70], (n, h, w, c) => new Shape(n, h, w, c));

    private static Gen<ConvGeometry> Windows { get; } = Gen.Select(
        Gen.Int[1, 3], Gen.Int[1, 3], Gen.Int[0, 1], (kernel, stride, padding) => new ConvGeometry(kernel, stride, Math.Min(padding, kernel / 2)));

    /// <summary>Rows, their length and classes: in one stage of a sum, and in two.</summary>
    private static Gen<(int, int, int)> Rows { get; } = Gen.Select(Gen.Int[1, 5], Gen.Int[1, 9000], Gen.Int[1, 1200]);

    [Fact]
    public void Functions_give_the_same_bits() => Same(Images, (on, s, x, keep) =>
    {
        Tensor y = x.Empty(s), dx = x.Random(s, -1, 1);
        Unary(new Sigmoid(), x.Random(s, -100, 100));
        Unary(new Sigmoid(), x.Random(s, -3, 3));
        Unary(new Log(), x.Random(s, -0.1f, 4));
        Unary(new Relu(), x.Random(s, -1, 1));
        Unary(new Clamp(-0.25f, 0.5f), x.Random(s, -1, 1));
        Unary(new Scale(-1.7f), x.Random(s, -1, 1));

        void Unary<F>(F f, Tensor from) where F : struct, IUnary
        {
            on.Map(f, from, y);
            keep(y);
            on.MapBackward(f, from, y, x.Random(s, -1, 1), new Accumulator(dx, Adds: true));
            keep(dx);
        }
    });

    [Fact]
    public void Sums_products_and_copies_give_the_same_bits() => Same(Images, (on, s, x, keep) =>
    {
        Tensor a = x.Random(s, -1, 1), b = x.Random(s, -1, 1), y = x.Empty(s);
        on.Add(a, b, y);
        keep(y);
        on.Multiply(a, b, y);
        keep(y);
        on.MultiplyBackward(a, y, new Accumulator(b, Adds: true));
        on.Accumulate(y, new Accumulator(b, Adds: true));
        keep(b);
        on.Gate(a, b);
        keep(b);
        on.Ratio(a, b, 0.1f, y);
        keep(y);
        on.Ratio(y, a, 0f, y);
        keep(y);
        on.Copy(b, y);
        keep(y);
        on.Fill(y, 0.75f);
        keep(y);
    });

    [Fact]
    public void Blurs_give_the_same_bits() => Same(Gen.Select(Images, Gen.Int[0, 2]), (on, s, x, keep) =>
    {
        (Shape shape, int radius) = s;
        Tensor taps = x.Upload(Taps[(2 - radius)..(3 + radius)]), y = x.Empty(shape);
        on.Blur(x.Random(shape, -1, 1), taps, y);
        keep(y);
        on.BlurBackward(x.Random(shape, -1, 1), taps, new Accumulator(y, Adds: true));
        keep(y);
    });

    /// <summary>
    /// Radii from small ones, with tiles of 16 pixels, through smaller tiles to those too large for any tile. The taps are multiples of 2^-12, so
    /// that where both borders fold onto one pixel the sum of three taps is exact in float32, as it is on the CPU in double.
    /// </summary>
    [Theory]
    [InlineData(3, 7, 9, 5)]
    [InlineData(8, 40, 37, 9)]
    [InlineData(13, 30, 50, 12)]
    [InlineData(19, 60, 58, 3)]
    [InlineData(28, 62, 70, 2)]
    [InlineData(60, 61, 75, 1)]
    public void A_blur_of_any_width_gives_the_same_bits(int radius, int height, int width, int channels) => Same(Gen.Const(0), (on, _, x, keep) =>
    {
        Shape shape = new(2, height, width, channels);
        float[] weights = [.. Enumerable.Range(-radius, 2 * radius + 1).Select(i => MathF.Round(4096f / (1 + Math.Abs(i))) / 4096)];
        Tensor taps = x.Upload(weights), y = x.Empty(shape);
        on.Blur(x.Random(shape, -1, 1), taps, y);
        keep(y);
        on.BlurBackward(x.Random(shape, -1, 1), taps, new Accumulator(y, Adds: true));
        keep(y);
    }, cases: 1);

    [Fact]
    public void Resizes_and_pools_give_the_same_bits() => Same(Gen.Select(Images, Gen.Int[1, 40], Gen.Int[1, 40]), (on, s, x, keep) =>
    {
        (Shape shape, int height, int width) = s;
        Tensor from = x.Random(shape, -1, 1), y = x.Empty(new Shape(shape.N, height, width, shape.C)), dy = x.Random(y.Shape, -1, 1);
        foreach (Corners corners in (ReadOnlySpan<Corners>)[Corners.HalfPixel, Corners.Aligned, Corners.Mirrored])
        {
            on.Resize(from, corners, y);
            keep(y);
            on.ResizeBackward(dy, corners, new Accumulator(from, Adds: true));
            keep(from);
        }
        on.AdaptiveAveragePool(from, y);
        keep(y);
        on.AdaptiveAveragePoolBackward(dy, new Accumulator(from, Adds: true));
        keep(from);
    });

    [Fact]
    public void Subsampling_gives_the_same_bits_with_terms_and_gates() => Same(Gen.Select(Images, Gen.Int[1, 4], Gen.Bool, Gen.Bool), (on, s, x, keep) =>
    {
        (Shape shape, int stride, bool adds, bool gated) = s;
        Tensor from = x.Whole(shape, -2, 2), y = x.Empty(new ConvGeometry(1, stride).Output(shape, shape.C)), dx = x.Random(shape, -1, 1);
        on.Subsample(from, stride, y);
        keep(y);
        on.SubsampleBackward(x.Random(y.Shape, -1, 1), stride, new Accumulator(dx, adds, gated ? from : null));
        keep(dx);
    });

    /// <summary>Few different values, so that windows have several maxima: the first must get the gradient.</summary>
    [Fact]
    public void Max_pools_with_ties_give_the_same_bits() => Same(Gen.Select(Images, Windows), (on, s, x, keep) =>
    {
        (Shape shape, ConvGeometry geometry) = s;
        Tensor from = x.Whole(shape, -2, 2), y = x.Empty(geometry.Output(shape, shape.C)), dx = x.Random(shape, -1, 1);
        on.MaxPool(from, geometry, y);
        keep(y);
        // Integers again: overlapping windows are summed in another order.
        on.MaxPoolBackward(from, y, x.Whole(y.Shape, -9, 9), geometry, new Accumulator(dx, Adds: false));
        keep(dx);
    });

    [Fact]
    public void Bottlenecks_give_the_same_bits() => Same(Gen.Select(Images, Gen.Int[1, 4], Gen.Bool, Gen.ULong), (on, s, x, keep) =>
    {
        (Shape shape, int copies, bool clamp, ulong seed) = s;
        Shape one = shape.WithN(1), all = shape.WithN(shape.N * copies);
        Tensor mean = x.Random(one, -1, 1), std = x.Random(one, 0.1f, 2), active = x.Whole(one, 0, 1);
        Tensor from = x.Random(shape, -2, 2), λ = x.Random(shape, 0, 1), z = x.Empty(all), dλ = x.Zeros(shape), r = x.Empty(shape);
        var noise = new Noise(seed, x.Whole(new Shape(shape.N), 0, 1 << 20), x.Whole(new Shape(1), 0, 99));
        foreach (Noise used in (ReadOnlySpan<Noise>)[noise, noise with { Recorded = x.Random(all, -2, 2) }])
        {
            on.Restrict(from, λ, mean, std, active, used, clamp, z);
            keep(z);
            on.RestrictBackward(from, mean, std, active, used, clamp, z, x.Random(all, -1, 1), new Accumulator(dλ, Adds: true));
            keep(dλ);
            on.AddNoise(from, used, 0.3f, z);
            keep(z);
            on.AddNoise(x.Random(all, -1, 1), used, -1.2f, z);
            keep(z);
        }
        on.Standardise(from, mean, std, r);
        keep(r);
        on.Information(r, λ, active, dλ);
        keep(dλ);
        on.InformationBackward(r, λ, active, x.Random(shape, -1, 1), new Accumulator(dλ, Adds: true));
        keep(dλ);
    });

    [Fact]
    public void Optimizers_give_the_same_bits() => Same(Images, (on, s, x, keep) =>
    {
        Tensor p = x.Random(s, -1, 1), m = x.Zeros(s), v = x.Zeros(s), velocity = x.Zeros(s);
        Tensor step = x.Zeros(new Shape(1)), history = x.Empty(new Shape(4, s.Count));
        for (int i = 0; i < 4; i++)
        {
            on.Adam(p, x.Random(s, -1, 1), m, v, step, new AdamSettings(0.7));
            on.SgdMomentum(p, x.Random(s, -1, 1), velocity, new SgdSettings(0.3, 0.9, 0.05));
            on.Append(p, step, history);
            on.Advance(step);
            keep(step);
        }
        foreach (Tensor state in (ReadOnlySpan<Tensor>)[p, m, v, velocity, history])
            keep(state);
    });

    [Fact]
    public void Sums_and_losses_agree_to_the_last_place() => Same(Rows, (on, s, x, keep) =>
    {
        (int rows, int length, int classes) = s;
        Tensor y = x.Empty(new Shape(rows)), dx = x.Random(new Shape(rows, length), -1, 1);
        on.Sum(x.Random(new Shape(rows, length), 0, 1), 0.1f, y);
        keep(y);
        on.SumBackward(y, 0.3f, new Accumulator(dx, Adds: true));
        keep(dx);
        Tensor logits = x.Random(new Shape(rows, classes), -30, 30), dlogits = x.Zeros(logits.Shape);
        Tensor targets = x.Whole(new Shape(rows), 0, classes - 1);
        on.CrossEntropy(logits, targets, y);
        keep(y);
        on.CrossEntropyBackward(logits, targets, x.Random(new Shape(rows), -1, 1), new Accumulator(dlogits, Adds: true));
        keep(dlogits);
    }, places: 1);

    /// <summary>Runs the same verbs on the same values on both devices, and compares the results.</summary>
    private void Same<S>(Gen<S> settings, Action<IBackend, S, TestTensors, Action<Tensor>> verbs, int cases = Cases, int places = 0) =>
        Gen.Select(settings, Gen.Int).Sample((s, seed) =>
        {
            List<float[]> expected = Run(cpu.Backend), actual = Run(On.Backend);
            for (int i = 0; i < expected.Count; i++)
            {
                for (int at = 0; at < expected[i].Length; at++)
                {
                    (float one, float other) = (expected[i][at], actual[i][at]);
                    bool same = one.Equals(other) || Math.Abs(one - other) <= places * 1.2e-7f * Math.Max(Math.Abs(one), Math.Abs(other));
                    if (!same)
                        Assert.Fail($"{s}: result {i} at {at} is {other:R} on CUDA, {one:R} on the CPU");
                }
            }

            List<float[]> Run(IBackend backend)
            {
                using var numbers = new TestTensors(backend, seed);
                var kept = new List<float[]>();
                verbs(backend, s, numbers, x => kept.Add(numbers.Download(x)));
                return kept;
            }
        }, iter: cases, threads: 1);
}

public sealed class TwinTestsOnEmulatedCuda(Cpu cpu) : TwinTests(new EmulatedGpu(libraries: false), cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class TwinTestsOnCuda(Gpu gpu, Cpu cpu) : TwinTests(gpu, cpu), IClassFixture<Cpu>;
