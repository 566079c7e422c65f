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

    /// <summary>Channels in whole quads, as the kernel wants them; clamped or not, in either element type.</summary>
    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void A_turn_has_the_bits_of_the_verbs_that_it_replaces(Precision precision) => Sample((gpu, numbers, shape) =>
    {
        const int Copies = 3;
        const float Weight = 0.03f;
        IBackend on = gpu.Backend;
        Shape s = new(shape.N, shape.H, shape.W, (shape.C + 3) / 4 * 4), one = s.WithN(1), all = s.WithN(Copies * s.N);
        (Tensor mean, Tensor std, Tensor active) = (numbers.Random(one), numbers.Random(one, 0.1f, 2), numbers.Whole(one, 0, 1));
        (Tensor x, Tensor taps, Tensor step, Tensor weights) = (numbers.Random(s, -2, 2), Taps(numbers), numbers.Upload(7f), numbers.Random(s, Weight, Weight));
        Tensor Wide() => precision == Precision.BFloat16 ? numbers.Empty(all).As(Element.BFloat16, 0, all) : numbers.Empty(all);
        var noise = new Noise(42, numbers.Whole(new Shape(s.N), 0, 8), step);
        foreach (bool clamp in (ReadOnlySpan<bool>)[false, true])
        {
            (Tensor α, Tensor m, Tensor v) = (numbers.Random(s, -3, 3), numbers.Zeros(s), numbers.Zeros(s));
            (Tensor λ, Tensor z, Tensor dz, Tensor information) = (numbers.Empty(s), Wide(), Wide(), numbers.Empty(new Shape(s.N)));
            Tensor r = numbers.Empty(s), open = numbers.Empty(s), dλ = numbers.Empty(s), ds = numbers.Empty(s), dα = numbers.Empty(s);
            if (precision == Precision.BFloat16)
                on.Convert(numbers.Random(all), dz);
            else
                on.Copy(numbers.Random(all), dz);
            on.Standardise(x, mean, std, r);
            Forward();
            Tensor Copy(Tensor of) => numbers.Upload(s, numbers.Download(of));
            var turn = new MaskTurn
            {
                X = x,
                Statistics = (mean, std, active),
                Noise = noise,
                Clamp = clamp,
                Weight = Weight,
                Taps = taps,
                Settings = Settings,
                Parameter = (Copy(α), Copy(m), Copy(v)),
                Mask = Copy(λ),
                Z = Wide(),
                Dz = dz,
                Information = numbers.Empty(new Shape(s.N)),
            };
            on.Restrict(x, λ, mean, std, active, noise, clamp, turn.Z);

            on.Turn(turn);

            on.RestrictBackward(x, mean, std, active, noise, clamp, z, dz, new Accumulator(dλ, Adds: false));
            on.InformationBackward(r, λ, active, weights, new Accumulator(dλ, Adds: true));
            on.BlurBackward(dλ, taps, new Accumulator(ds, Adds: false));
            on.MapBackward(new Sigmoid(), α, open, ds, new Accumulator(dα, Adds: false));
            on.Adam(α, dα, m, v, step, Settings);
            on.Advance(step);
            Forward();
            Assert.Equal(on.Read(α), on.Read(turn.Parameter.Alpha));
            Assert.Equal(on.Read(m), on.Read(turn.Parameter.M));
            Assert.Equal(on.Read(v), on.Read(turn.Parameter.V));
            Assert.Equal(on.Read(λ), on.Read(turn.Mask));
            Assert.Equal(on.Read(z), on.Read(turn.Z));
            // Both sums are double and rounded once; their order differs, and so may the last bit of the one.
            Close.InMaxNorm(on.Read(information), on.Read(turn.Information), Math.Pow(2, -23), "information");

            void Forward()
            {
                on.Map(new Sigmoid(), α, open);
                on.Blur(open, taps, λ);
                on.Restrict(x, λ, mean, std, active, noise, clamp, z);
                on.Information(r, λ, active, ds);
                on.Sum(ds, 1f / s.Row, information);
            }
        }
    }, precision);

    /// <summary>A plane that no block has room for is left to the verbs one by one; more than 48 KiB are granted first.</summary>
    [Fact]
    public void A_plane_must_fit_into_a_blocks_shared_memory()
    {
        using var gpu = new EmulatedGpu();
        Assert.True(gpu.Backend.Turns(new Shape(16, 28, 28, 512), 5));
        Assert.True(gpu.Backend.Turns(new Shape(16, 56, 56, 256), 5));
        Assert.False(gpu.Backend.Turns(new Shape(16, 112, 112, 64), 5));
        Assert.False(gpu.Backend.Turns(new Shape(16, 28, 28, 510), 5));
    }

    private static Tensor Taps(TestTensors x) => x.Upload(GaussianTaps.Of(1));

    private static void Sample(Action<EmulatedGpu, TestTensors, Shape> check, Precision precision = Precision.Float32)
    {
        using var gpu = new EmulatedGpu(precision: precision);
        Images.Sample((shape, seed) =>
        {
            using var numbers = new TestTensors(gpu.Backend, seed);
            check(gpu, numbers, shape);
        }, iter: Cases, threads: 1);
    }
}
