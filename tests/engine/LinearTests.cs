using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Tests.Devices;
using Tests.Emulator;
using Tests.Textbook;
using Xunit;

namespace Tests.Engine;

public abstract class LinearTests(Device on) : TestsOnDevice(on)
{
    /// <summary>As for convolutions: root(3000) x 2^-24, doubled and more.</summary>
    private const double Tolerance = 1e-5;

    private readonly IBackend _backend = on.Backend;

    private int Cases => On.IsSlow ? 12 : 80;

    private static Gen<(int N, int C, int K, bool Bias, bool Relu, bool Adds, bool Gate, int Seed)> Any { get; } =
        from n in Gen.Int[1, 40]
        from c in Gen.OneOf(Gen.Int[1, 100], Gen.Int[1000, 3000])
        from k in Gen.Int[1, 90]
        from flags in Gen.Bool.Array[4]
        from seed in Gen.Int[0, int.MaxValue]
        select (n, c, k, flags[0], flags[1], flags[2], flags[3], seed);

    [Fact]
    public void Linear_is_the_textbooks() => Any.Sample(s =>
    {
        using var numbers = new TestTensors(_backend);
        Exact x = Random(s.Seed, s.N, s.C), w = Random(s.Seed + 1, s.K, s.C);
        Exact? bias = s.Bias ? Random(s.Seed + 2, s.K) : null;
        Tensor y = numbers.Empty(new(s.N, s.K));
        _backend.Linear(numbers.Upload(x), numbers.Upload(w), numbers.UploadIfAny(bias), s.Relu, y);
        Near(LinearTextbook.Forward(x, w, bias, s.Relu), numbers.Download(y), s.C, $"{s}: values");
    }, iter: Cases, threads: 1);

    [Fact]
    public void Gradient_of_the_data_is_the_textbooks() => Any.Sample(s =>
    {
        using var numbers = new TestTensors(_backend);
        Exact dy = Random(s.Seed, s.N, s.K), w = Random(s.Seed + 1, s.K, s.C), before = Random(s.Seed + 2, s.N, s.C), gate = Random(s.Seed + 3, s.N, s.C);
        Tensor dx = numbers.Upload(before);
        _backend.LinearBackwardData(numbers.Upload(dy), numbers.Upload(w), new Accumulator(dx, s.Adds, s.Gate ? numbers.Upload(gate) : null));
        Exact expected = LinearTextbook.BackwardData(dy, w);
        Near(expected.Like(i => s.Gate && !(gate[i] > 0) ? 0 : expected[i] + (s.Adds ? before[i] : 0)),
            numbers.Download(dx), s.K, $"{s}: gradient of the data");
    }, iter: Cases, threads: 1);

    [Fact]
    public void Gradient_of_the_weights_is_the_textbooks() => Any.Sample(s =>
    {
        using var numbers = new TestTensors(_backend);
        Exact dy = Random(s.Seed, s.N, s.K), x = Random(s.Seed + 1, s.N, s.C), before = Random(s.Seed + 2, s.K, s.C);
        Tensor dw = numbers.Upload(before);
        _backend.LinearBackwardWeights(numbers.Upload(x), numbers.Upload(dy), new Accumulator(dw, s.Adds));
        Exact expected = LinearTextbook.BackwardWeights(x, dy);
        Near(expected.Like(i => expected[i] + (s.Adds ? before[i] : 0)), numbers.Download(dw), s.N, $"{s}: gradient of the weights");
    }, iter: Cases, threads: 1);

    [Fact]
    public void Gradient_of_a_bias_sums_all_but_the_channels() => Any.Sample(s =>
    {
        using var numbers = new TestTensors(_backend);
        Exact dy = Random(s.Seed, s.N, s.C % 50 + 1, 2, s.K), before = Random(s.Seed + 2, s.K);
        Tensor db = numbers.Upload(before);
        _backend.BiasBackward(numbers.Upload(dy), new Accumulator(db, s.Adds));
        Exact expected = LinearTextbook.BackwardBias(dy);
        Near(expected.Like(i => expected[i] + (s.Adds ? before[i] : 0)), numbers.Download(db), dy.Shape.Count / s.K, $"{s}: gradient of the bias");
    }, iter: Cases, threads: 1);

    [Fact]
    public void A_row_alone_gives_the_bits_it_gives_in_a_batch() => Any.Sample(s =>
    {
        using var numbers = new TestTensors(_backend);
        Tensor x = numbers.Upload(Random(s.Seed, s.N, s.C)), w = numbers.Upload(Random(s.Seed + 1, s.K, s.C));
        Tensor y = numbers.Empty(new(s.N, s.K)), dx = numbers.Empty(new(s.N, s.C)), alone = numbers.Empty(new(1, s.K)), dxAlone = numbers.Empty(new(1, s.C));
        _backend.Linear(x, w, null, s.Relu, y);
        _backend.LinearBackwardData(y, w, new(dx, Adds: false));
        for (int n = 0; n < s.N; n++)
        {
            _backend.Linear(x.Rows(n, 1), w, null, s.Relu, alone);
            _backend.LinearBackwardData(y.Rows(n, 1), w, new(dxAlone, Adds: false));
            On.Same(numbers.Download(y.Rows(n, 1)), numbers.Download(alone), $"{s}: row {n}");
            On.Same(numbers.Download(dx.Rows(n, 1)), numbers.Download(dxAlone), $"{s}: gradient of row {n}");
        }
    }, iter: Cases / 4, threads: 1);

    internal static Exact Random(int seed, params int[] dims) => Draws.Of(seed, new Shape(dims));

    /// <summary>A sum of n products of such elements has standard deviation root(n) / 3, a sum of the elements themselves more.</summary>
    private static void Near(Exact expected, float[] actual, int terms, string what) =>
        Close.InMaxNorm(expected.Floats(), actual, Tolerance, what, typical: Math.Sqrt(terms) / 3);
}

public sealed class LinearTestsOnCpu(Cpu cpu) : LinearTests(cpu), IClassFixture<Cpu>;

public sealed class LinearTestsOnEmulatedCuda() : LinearTests(new EmulatedGpu());

public sealed class LinearTestsOnOwnKernels() : LinearTests(new EmulatedGpu(libraries: false));

[Collection(nameof(Gpu))]
public sealed class LinearTestsOnCuda(Gpu gpu) : LinearTests(gpu);
