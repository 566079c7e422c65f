using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Xunit;

namespace Tests.Kernels;

/// <summary>
/// Where a result is a matter of one rounding after the other, the CUDA kernels round as the CPU backend does: the same bits from the same
/// seed, whatever the device. Sums over runs and classes go in another order, in double, and are compared to the last place of a float.
/// </summary>
public sealed class TwinTests : IDisposable
{
    private const int Cases = 25;

    private static readonly float[] Taps = [0.05f, 0.25f, 0.4f, 0.25f, 0.05f];

    private readonly CpuBackend _cpu = new(2);

    public void Dispose() => _cpu.Dispose();

    /// <summary>Images of up to 20 pixels a side and 70 channels.</summary>
    private static Gen<Shape> Images { get; } =
        Gen.Select(Gen.Int[1, 3], Gen.Int[3, 20], Gen.Int[3, 20], Gen.Int[1, 70], (n, h, w, c) => new Shape(n, h, w, c));

    private static Gen<ConvGeometry> Windows { get; } = Gen.Select(
        Gen.Int[1, 3], Gen.Int[1, 3], Gen.Int[0, 1], (kernel, stride, padding) => new ConvGeometry(kernel, stride, Math.Min(padding, kernel / 2)));

    /// <summary>Rows, their length and classes: in one stage of a sum, and in two.</summary>
    private static Gen<(int, int, int)> Rows { get; } = Gen.Select(Gen.Int[1, 5], Gen.Int[1, 9000], Gen.Int[1, 1200]);

    [Fact]
    public void Functions_give_the_same_bits() => Same(Images, (on, s, x) =>
    {
        Tensor y = x.New(s), dx = x.New(s);
        Unary(new Sigmoid(), x.Random(s, -100, 100));
        Unary(new Sigmoid(), x.Random(s, -3, 3));
        Unary(new Log(), x.Random(s, -0.1f, 4));
        Unary(new Relu(), x.Random(s, -1, 1));
        Unary(new Clamp(-0.25f, 0.5f), x.Random(s, -1, 1));
        Unary(new Scale(-1.7f), x.Random(s, -1, 1));

        void Unary<F>(F f, Tensor from) where F : struct, IUnary
        {
            on.Map(f, from, y);
            x.Keep(y);
            on.MapBackward(f, from, y, x.Random(s, -1, 1), new Accumulator(dx, Adds: true));
            x.Keep(dx);
        }
    });

    [Fact]
    public void Sums_products_and_copies_give_the_same_bits() => Same(Images, (on, s, x) =>
    {
        Tensor a = x.Random(s, -1, 1), b = x.Random(s, -1, 1), y = x.New(s);
        on.Add(a, b, y);
        x.Keep(y);
        on.Multiply(a, b, y);
        x.Keep(y);
        on.MultiplyBackward(a, y, new Accumulator(b, Adds: true));
        on.Accumulate(y, new Accumulator(b, Adds: true));
        x.Keep(b);
        on.Gate(a, b);
        x.Keep(b);
        on.Ratio(a, b, 0.1f, y);
        x.Keep(y);
        on.Ratio(y, a, 0f, y);
        x.Keep(y);
        on.Copy(b, y);
        x.Keep(y);
        on.Fill(y, 0.75f);
        x.Keep(y);
    });

    [Fact]
    public void Blurs_give_the_same_bits() => Same(Gen.Select(Images, Gen.Int[0, 2]), (on, s, x) =>
    {
        (Shape shape, int radius) = s;
        Tensor taps = x.Of(Taps[(2 - radius)..(3 + radius)]), y = x.New(shape);
        on.Blur(x.Random(shape, -1, 1), taps, y);
        x.Keep(y);
        on.BlurBackward(x.Random(shape, -1, 1), taps, new Accumulator(y, Adds: true));
        x.Keep(y);
    });

    /// <summary>
    /// Radii from the narrow, in tiles of 16 pixels, through smaller tiles to those that no tile holds. The taps are multiples of 2^-12, so
    /// that where both borders fold onto one pixel the sum of three taps is exact in float32, as it is on the CPU in double.
    /// </summary>
    [Theory]
    [InlineData(3, 7, 9, 5)]
    [InlineData(8, 40, 37, 9)]
    [InlineData(13, 30, 50, 12)]
    [InlineData(19, 60, 58, 3)]
    [InlineData(28, 62, 70, 2)]
    [InlineData(60, 61, 75, 1)]
    public void A_blur_of_any_width_gives_the_same_bits(int radius, int height, int width, int channels) => Same(Gen.Const(0), (on, _, x) =>
    {
        Shape shape = new(2, height, width, channels);
        float[] weights = [.. Enumerable.Range(-radius, 2 * radius + 1).Select(i => MathF.Round(4096f / (1 + Math.Abs(i))) / 4096)];
        Tensor taps = x.Of(weights), y = x.New(shape);
        on.Blur(x.Random(shape, -1, 1), taps, y);
        x.Keep(y);
        on.BlurBackward(x.Random(shape, -1, 1), taps, new Accumulator(y, Adds: true));
        x.Keep(y);
    }, cases: 1);

    [Fact]
    public void Resizes_and_pools_give_the_same_bits() => Same(Gen.Select(Images, Gen.Int[1, 40], Gen.Int[1, 40]), (on, s, x) =>
    {
        (Shape shape, int height, int width) = s;
        Tensor from = x.Random(shape, -1, 1), y = x.New(new Shape(shape.N, height, width, shape.C)), dy = x.Random(y.Shape, -1, 1);
        foreach (Corners corners in (ReadOnlySpan<Corners>)[Corners.HalfPixel, Corners.Aligned])
        {
            on.Resize(from, corners, y);
            x.Keep(y);
            on.ResizeBackward(dy, corners, new Accumulator(from, Adds: true));
            x.Keep(from);
        }
        on.AdaptiveAveragePool(from, y);
        x.Keep(y);
        on.AdaptiveAveragePoolBackward(dy, new Accumulator(from, Adds: true));
        x.Keep(from);
    });

    /// <summary>Numbers of few values, so that windows have several largest: the first must win.</summary>
    [Fact]
    public void Max_pools_with_ties_give_the_same_bits() => Same(Gen.Select(Images, Windows), (on, s, x) =>
    {
        (Shape shape, ConvGeometry geometry) = s;
        Tensor from = x.Whole(shape, -2, 2), y = x.New(geometry.Output(shape, shape.C)), dx = x.Random(shape, -1, 1);
        on.MaxPool(from, geometry, y);
        x.Keep(y);
        // Whole numbers again: overlapping windows are summed in another order.
        on.MaxPoolBackward(from, y, x.Whole(y.Shape, -9, 9), geometry, new Accumulator(dx, Adds: false));
        x.Keep(dx);
    });

    [Fact]
    public void Bottlenecks_give_the_same_bits() => Same(Gen.Select(Images, Gen.Int[1, 4], Gen.Bool, Gen.ULong), (on, s, x) =>
    {
        (Shape shape, int copies, bool clamp, ulong seed) = s;
        Shape one = shape.WithN(1), all = shape.WithN(shape.N * copies);
        Tensor mean = x.Random(one, -1, 1), std = x.Random(one, 0.1f, 2), active = x.Whole(one, 0, 1);
        Tensor from = x.Random(shape, -2, 2), λ = x.Random(shape, 0, 1), z = x.New(all), dλ = x.New(shape), r = x.New(shape);
        var noise = new Noise(seed, x.Whole(new Shape(shape.N), 0, 1 << 20), x.Whole(new Shape(1), 0, 99));
        foreach (Noise used in (ReadOnlySpan<Noise>)[noise, noise with { Recorded = x.Random(all, -2, 2) }])
        {
            on.Restrict(from, λ, mean, std, active, used, clamp, z);
            x.Keep(z);
            on.RestrictBackward(from, mean, std, active, used, clamp, z, x.Random(all, -1, 1), new Accumulator(dλ, Adds: true));
            x.Keep(dλ);
            on.AddNoise(from, used, 0.3f, z);
            x.Keep(z);
            on.AddNoise(x.Random(all, -1, 1), used, -1.2f, z);
            x.Keep(z);
        }
        on.Standardise(from, mean, std, r);
        x.Keep(r);
        on.Information(r, λ, active, dλ);
        x.Keep(dλ);
        on.InformationBackward(r, λ, active, x.Random(shape, -1, 1), new Accumulator(dλ, Adds: true));
        x.Keep(dλ);
    });

    [Fact]
    public void Optimizers_give_the_same_bits() => Same(Images, (on, s, x) =>
    {
        Tensor p = x.Random(s, -1, 1), m = x.New(s), v = x.New(s), step = x.New(new Shape(1)), history = x.New(new Shape(4, s.Count)), velocity = x.New(s);
        for (int i = 0; i < 4; i++)
        {
            on.Adam(p, x.Random(s, -1, 1), m, v, step, new AdamSettings(0.7));
            on.SgdMomentum(p, x.Random(s, -1, 1), velocity, new SgdSettings(0.3, 0.9, 0.05));
            on.Append(p, step, history);
            on.Advance(step);
            x.Keep(step);
        }
        foreach (Tensor state in (ReadOnlySpan<Tensor>)[p, m, v, velocity, history])
            x.Keep(state);
    });

    [Fact]
    public void Sums_and_losses_agree_to_the_last_place() => Same(Rows, (on, s, x) =>
    {
        (int rows, int length, int classes) = s;
        Tensor y = x.New(new Shape(rows)), dx = x.Random(new Shape(rows, length), -1, 1);
        on.Sum(x.Random(new Shape(rows, length), 0, 1), 0.1f, y);
        x.Keep(y);
        on.SumBackward(y, 0.3f, new Accumulator(dx, Adds: true));
        x.Keep(dx);
        Tensor logits = x.Random(new Shape(rows, classes), -30, 30), dlogits = x.New(logits.Shape);
        Tensor targets = x.Whole(new Shape(rows), 0, classes - 1);
        on.CrossEntropy(logits, targets, y);
        x.Keep(y);
        on.CrossEntropyBackward(logits, targets, x.Random(new Shape(rows), -1, 1), new Accumulator(dlogits, Adds: true));
        x.Keep(dlogits);
    }, places: 1);

    /// <summary>Runs the same verbs on the same numbers on both, and compares what is kept of each.</summary>
    private void Same<S>(Gen<S> settings, Action<IBackend, S, Twin> verbs, int cases = Cases, int places = 0) =>
        Gen.Select(settings, Gen.Int).Sample((s, seed) =>
        {
            using var kernels = new ShimBackend(new ShimDevice(seed));
            using Twin expected = new(_cpu, seed), actual = new(kernels, seed);
            verbs(_cpu, s, expected);
            verbs(kernels, s, actual);
            for (int i = 0; i < expected.Kept.Count; i++)
            {
                for (int at = 0; at < expected.Kept[i].Length; at++)
                {
                    (float one, float other) = (expected.Kept[i][at], actual.Kept[i][at]);
                    bool same = one.Equals(other) || Math.Abs(one - other) <= places * 1.2e-7f * Math.Max(Math.Abs(one), Math.Abs(other));
                    Assert.True(same, $"{s}: result {i} at {at} is {other:R} from the kernels, {one:R} on the CPU");
                }
            }
        }, iter: cases, threads: 1);

    /// <summary>One of two backends, given the same numbers in the same order.</summary>
    private sealed class Twin(IBackend on, int seed) : IDisposable
    {
        private readonly Random _random = new(seed);
        private readonly List<Tensor> _tensors = [];

        public List<float[]> Kept { get; } = [];

        public Tensor New(Shape shape)
        {
            Tensor x = on.Allocate(shape);
            _tensors.Add(x);
            return x;
        }

        public Tensor Random(Shape shape, float low, float high) =>
            Of(shape, [.. Enumerable.Range(0, shape.Count).Select(_ => low + (high - low) * _random.NextSingle())]);

        public Tensor Whole(Shape shape, int low, int high) =>
            Of(shape, [.. Enumerable.Range(0, shape.Count).Select(_ => (float)_random.Next(low, high + 1))]);

        public Tensor Of(float[] numbers) => Of(new Shape(numbers.Length), numbers);

        public void Keep(Tensor x)
        {
            var numbers = new float[x.Shape.Count];
            on.Download(x, numbers);
            Kept.Add(numbers);
        }

        public void Dispose()
        {
            foreach (Tensor x in _tensors)
                x.Storage.Dispose();
        }

        private Tensor Of(Shape shape, float[] numbers)
        {
            Tensor x = New(shape);
            on.Upload(numbers, x);
            return x;
        }
    }
}
