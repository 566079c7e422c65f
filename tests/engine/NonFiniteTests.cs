using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Tests.Devices;
using Tests.Emulator;
using Tests.Textbook;
using Xunit;

namespace Tests.Engine;

/// <summary>
/// NaN and infinities at every operand of every verb. The reference is the textbook in double precision, with PyTorch's comparisons (clamp_min,
/// threshold_backward, max_pool2d, clamp_backward, log_softmax_backward of version 1.13): IEEE arithmetic then spreads them as in float32.
/// </summary>
public abstract class NonFiniteTests(Device on) : TestsOnDevice(on)
{
    /// <summary>More elements than the widest register has lanes, and not a multiple of any width: a body and a remainder at every width.</summary>
    private const int C = 19;

    private const float Epsilon = 0.25f, Factor = -1.75f;

    private static readonly Shape Row = new(2, 1, 1, C), Image = new(2, 4, 5, C), Blurred = new(1, 4, 5, C);

    private static readonly Dictionary<string, Verb> Verbs = new[] { Functions(), Sums(), Images(), Bottleneck(), Optimizers(), Products() }
        .SelectMany(verbs => verbs).ToDictionary(verb => verb.Name);

    /// <summary>How an actual value must match an expected one.</summary>
    private enum Match
    {
        /// <summary>The same number, the same infinity, or both NaN.</summary>
        Exact,

        /// <summary>Not finite where the expected one is not; NaN is allowed for an infinity, where the formula is written in another way.</summary>
        Kind,

        /// <summary>NaN is also allowed where the expected one is finite: padding is multiplied, or a Winograd tile spreads it.</summary>
        Spreads,
    }

    public static TheoryData<string> Names => [.. Verbs.Keys];

    /// <summary>Whether a convolution is its textbook's sum of products; else its padding or its tiles may add NaN.</summary>
    protected virtual bool ConvolvesDirectly => false;

    [Theory]
    [MemberData(nameof(Names))]
    public void A_verb_propagates_what_is_not_finite_as_PyTorch_does(string name)
    {
        Verb verb = Verbs[name];
        bool direct = ConvolvesDirectly && !name.EndsWith("weights", StringComparison.Ordinal);
        Match match = verb.Match == Match.Spreads && direct ? Match.Exact : verb.Match;
        for (int operand = 0; operand < verb.Operands.Length; operand++)
        {
            foreach (int place in Places(verb.Operands[operand].Shape.Count))
            {
                foreach (float poison in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
                {
                    Exact[] operands = [.. verb.Operands];
                    operands[operand] = operands[operand].Like(i => i == place ? poison : verb.Operands[operand][i]);
                    Compare(verb, operands, match, $"{name}: {poison} at {place} of operand {operand}");
                }
            }
        }
    }

    /// <summary>Two in one window: the last gets the gradient. A NaN beats an infinity, and infinities tie like other numbers.</summary>
    [Fact]
    public void Of_several_in_a_window_the_right_one_gets_the_gradient()
    {
        Verb pool = Verbs["MaxPoolBackward"];
        foreach (float other in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
        {
            Exact x = pool.Operands[0].Like(i => (i / C % 20) switch { 6 => float.NaN, 7 or 12 => other, _ => pool.Operands[0][i] });
            Compare(pool, [x, pool.Operands[1]], Match.Exact, $"NaN and {other}");
            x = pool.Operands[0].Like(i => i / C % 20 is 6 or 7 or 12 ? other : pool.Operands[0][i]);
            Compare(pool, [x, pool.Operands[1]], Match.Exact, $"three times {other}");
            Compare(pool, [x.Like(_ => other), pool.Operands[1]], Match.Exact, $"{other} everywhere");
        }
    }

    private static int[] Places(int count) => [.. new[] { 0, count / 2, count - 1 }.Distinct()];

    private void Compare(Verb verb, Exact[] operands, Match match, string what)
    {
        using var numbers = new TestTensors(On.Backend);
        Tensor[] tensors = [.. operands.Select(numbers.Upload)];
        float[][] actual = [.. verb.Run(numbers, tensors).Select(numbers.Download)];
        Exact[] expected = verb.Textbook(operands);
        Assert.Equal(expected.Length, actual.Length);
        for (int result = 0; result < expected.Length; result++)
        {
            // As in OpTests, and ten times that for Winograd's transforms.
            double bound = 6e-5 * expected[result].Numbers.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max() + 1e-9;
            for (int i = 0; i < actual[result].Length; i++)
            {
                (double e, float a) = (expected[result][i], actual[result][i]);
                bool same = e.Equals((double)a) || Math.Abs(e - a) <= bound;
                bool fits = match switch
                {
                    Match.Exact => same,
                    Match.Kind => same || (!double.IsFinite(e) && !float.IsFinite(a)),
                    _ => same || float.IsNaN(a) || (!double.IsFinite(e) && !float.IsFinite(a)),
                };
                if (!fits)
                    Assert.Fail($"{what}: number {i} of result {result} is {a}, expected {e}");
            }
        }
    }

    private static Verb[] Functions()
    {
        return
        [
            Unary("Relu", new Relu(), x => x < 0 ? 0 : x, (dy, _, y) => y <= 0 ? 0 : dy),
            Unary("Sigmoid", new Sigmoid(), x => 1 / (1 + Math.Exp(-x)), (dy, _, y) => dy * (1 - y) * y),
            Unary("Log", new Log(), Math.Log, (dy, x, _) => dy / x, low: 0.1f),
            Unary("Clamp", new Clamp(-0.5f, 0.75f),
                x => x < -0.5 ? -0.5 : x > 0.75 ? 0.75 : x, (dy, x, _) => x >= -0.5 && x <= 0.75 ? dy : 0),
            Unary("Scale", new Scale(Factor), x => x * Factor, (dy, _, _) => dy * Factor),
            new("Gate", [Of(Row, 1), Of(Row, 2)],
                (n, x) => { n.Backend.Gate(x[0], x[1]); return [x[1]]; },
                e => [e[1].Like(i => e[0][i] <= 0 ? 0 : e[1][i])]),
            new("Add", [Of(Row, 1), Of(Row, 2)],
                (n, x) => Into(n, Row, y => n.Backend.Add(x[0], x[1], y)),
                e => [ElementwiseTextbook.Add(e[0], e[1])]),
            new("Multiply", [Of(Row, 1), Of(Row, 2)],
                (n, x) => Into(n, Row, y => n.Backend.Multiply(x[0], x[1], y)),
                e => [ElementwiseTextbook.Multiply(e[0], e[1])]),
            new("MultiplyBackward", [Of(Row, 1), Of(Row, 2), Of(Row, 3)],
                (n, x) => { n.Backend.MultiplyBackward(x[0], x[1], new(x[2], Adds: true)); return [x[2]]; },
                e => [e[2].Like(i => e[2][i] + e[0][i] * e[1][i])]),
            new("Ratio", [Of(Row, 1), Of(Row, 2)],
                (n, x) => Into(n, Row, y => n.Backend.Ratio(x[0], x[1], Epsilon, y)),
                e => [e[0].Like(i => e[0][i] / (e[1][i] == 0 ? 1 + Epsilon : e[1][i] < 0 ? e[1][i] - Epsilon : e[1][i] + Epsilon))]),
            new("Accumulate", [Of(Row, 1), Of(Row, 2)],
                (n, x) => { n.Backend.Accumulate(x[0], new(x[1], Adds: true)); return [x[1]]; },
                e => [ElementwiseTextbook.Add(e[0], e[1])]),
        ];

        static Verb Unary<F>(string name, F f, Func<double, double> at, Func<double, double, double, double> backward, float low = -2)
            where F : struct, IUnary =>
            new(name, [Of(Row, 1, low), Of(Row, 2), Of(Row, 3)],
                (n, x) =>
                {
                    Tensor y = n.Empty(Row);
                    n.Backend.Map(f, x[0], y);
                    n.Backend.MapBackward(f, x[0], y, x[1], new(x[2], Adds: true));
                    return [y, x[2]];
                },
                e => [e[0].Like(i => at(e[0][i])), e[2].Like(i => e[2][i] + backward(e[1][i], e[0][i], at(e[0][i])))]);
    }

    private static Verb[] Sums()
    {
        Shape two = new(2), logits = new(2, C);
        Exact targets = new(two, new double[] { 0, C - 1 });
        return
        [
            new("Sum", [Of(Row, 1)],
                (n, x) => Into(n, two, y => n.Backend.Sum(x[0], Factor, y)),
                e => [ReductionTextbook.Sum(e[0], 2, Factor)]),
            new("SumBackward", [Of(two, 1), Of(Row, 2)],
                (n, x) => { n.Backend.SumBackward(x[0], Factor, new(x[1], Adds: true)); return [x[1]]; },
                e => [e[1].Like(i => e[1][i] + Factor * e[0][i / C])]),
            new("CrossEntropy", [Of(logits, 1)], (n, x) => Into(n, two, y => n.Backend.CrossEntropy(x[0], n.Upload(targets), y)),
                e => [ReductionTextbook.CrossEntropy(e[0], targets)]),
            new("CrossEntropyBackward", [Of(logits, 1), Of(two, 2), Of(logits, 3)],
                (n, x) => { n.Backend.CrossEntropyBackward(x[0], n.Upload(targets), x[1], new(x[2], Adds: true)); return [x[2]]; },
                e => [ElementwiseTextbook.Add(e[2], ReductionTextbook.CrossEntropyBackward(e[0], targets, e[1]))]),
        ];
    }

    private static Verb[] Images()
    {
        var window = new ConvGeometry(3, 2, 1);
        Shape pooled = window.Output(Image, C), bins = new(2, 3, 2, C), large = new(2, 7, 9, C);
        Exact taps = new(new Shape(3), new[] { 0.25, 0.5, 0.25 });
        return
        [
            new("MaxPool", [Of(Image, 1)],
                (n, x) => Into(n, pooled, y => n.Backend.MaxPool(x[0], window, y)),
                e => [PoolingTextbook.MaxPool(e[0], window)]),
            new("MaxPoolBackward", [Of(Image, 1), Of(pooled, 2)],
                (n, x) => Into(n, Image, dx =>
                {
                    Tensor y = n.Empty(pooled);
                    n.Backend.MaxPool(x[0], window, y);
                    n.Backend.MaxPoolBackward(x[0], y, x[1], window, new(dx, Adds: false));
                }),
                e => [PoolingTextbook.MaxPoolBackward(e[0], e[1], window)]),
            .. Linear("AdaptiveAveragePool", Image, bins, Match.Exact,
                (n, x, y) => n.Backend.AdaptiveAveragePool(x, y),
                (n, dy, dx) => n.Backend.AdaptiveAveragePoolBackward(dy, dx),
                x => PoolingTextbook.AdaptiveAveragePool(x, 3, 2)),
            .. Linear("Subsample", Image, new ConvGeometry(1, 2).Output(Image, C), Match.Exact,
                (n, x, y) => n.Backend.Subsample(x, 2, y),
                (n, dy, dx) => n.Backend.SubsampleBackward(dy, 2, dx),
                x => PoolingTextbook.Subsample(x, 2)),
            // At the last pixel of an axis both sources are the same: PyTorch multiplies it by 1 and by 0, here it counts once.
            .. new[] { Corners.Aligned, Corners.HalfPixel }.SelectMany(corners => Linear($"Resize, {corners}", Image, large, Match.Kind,
                (n, x, y) => n.Backend.Resize(x, corners, y),
                (n, dy, dx) => n.Backend.ResizeBackward(dy, corners, dx),
                x => ResamplingTextbook.Resize(x, 7, 9, corners))),
            .. Linear("Blur", Blurred, Blurred, Match.Exact,
                (n, x, y) => n.Backend.Blur(x, n.Upload(taps), y),
                (n, dy, dx) => n.Backend.BlurBackward(dy, n.Upload(taps), dx),
                x => ResamplingTextbook.Blur(x, taps)),
        ];

        // A linear verb that treats every channel alike, and its gradient.
        static Verb[] Linear(
            string name, Shape from, Shape to, Match match,
            Action<TestTensors, Tensor, Tensor> forward, Action<TestTensors, Tensor, Accumulator> backward, Func<Exact, Exact> textbook) =>
        [
            new(name, [Of(from, 1)], (n, x) => Into(n, to, y => forward(n, x[0], y)), e => [textbook(e[0])]) { Match = match },
            new($"{name}, backward", [Of(to, 1), Of(from, 2)],
                (n, x) => { backward(n, x[0], new(x[1], Adds: true)); return [x[1]]; },
                e => [ElementwiseTextbook.Add(e[1], Adjoint(textbook, from, e[0]))]) { Match = match },
        ];
    }

    /// <summary>
    /// The transpose of a linear map that treats images and channels alike. A NaN at an input shows which outputs read it, a 1 with what weight.
    /// </summary>
    private static Exact Adjoint(Func<Exact, Exact> map, Shape from, Exact dy)
    {
        var plane = new Shape(1, from.H, from.W, 1);
        int pixels = from.H * from.W, outputs = dy.Shape.H * dy.Shape.W, channels = from.C;
        double[] Column(int pixel, double value) => map(new Exact(plane).Like(i => i == pixel ? value : 0)).Numbers;
        (double[] Weights, double[] Reads)[] columns =
            [.. Enumerable.Range(0, pixels).Select(pixel => (Column(pixel, 1), Column(pixel, double.NaN)))];
        return new Exact(from).Like(i =>
        {
            (int n, int pixel, int c) = (i / (pixels * channels), i / channels % pixels, i % channels);
            (double[] weights, double[] reads) = columns[pixel];
            return Enumerable.Range(0, outputs).Where(at => double.IsNaN(reads[at]))
                .Sum(at => weights[at] * dy[(n * outputs + at) * channels + c]);
        });
    }

    private static Verb[] Bottleneck()
    {
        const int copies = 2;
        Shape all = new(2 * copies, 1, 1, C), one = new(1, 1, 1, C), images = new(2);
        Exact[] statistics = [Of(one, 11), Of(one, 12, 0.5f), new Exact(one).Like(_ => 1)];
        Exact mask = Of(Row, 13, 0.1f, 0.9f);
        return
        [
            new("Standardise", [Of(Row, 1), .. statistics[..2]], (n, x) => Into(n, Row, y => n.Backend.Standardise(x[0], x[1], x[2], y)),
                e => [BottleneckTextbook.Standardise(e[0], e[1], e[2])]),
            .. new[] { false, true }.SelectMany(clamp => new Verb[]
            {
                new($"Restrict, clamp {clamp}", [Of(Row, 1), mask, .. statistics, Of(all, 4)],
                    (n, x) => Into(n, all, z => n.Backend.Restrict(x[0], x[1], x[2], x[3], x[4], Recorded(n, x[5]), clamp, z)),
                    e => [BottleneckTextbook.Restrict(e[0], e[1], e[2], e[3], e[4], e[5], clamp)]),
                new($"RestrictBackward, clamp {clamp}", [Of(Row, 1), .. statistics, Of(all, 4), Of(all, 5), Of(all, 6), Of(Row, 7)],
                    (n, x) =>
                    {
                        n.Backend.RestrictBackward(x[0], x[1], x[2], x[3], Recorded(n, x[4]), clamp, x[5], x[6], new(x[7], Adds: true));
                        return [x[7]];
                    },
                    e => [e[7].Like(i => e[7][i] + e[3][i % C] * Enumerable.Range(0, copies).Sum(copy =>
                    {
                        int at = (i / C * copies + copy) * C + i % C;
                        return (clamp && e[5][at] <= 0 ? 0 : e[6][at]) * (e[0][i] - (e[1][i % C] + e[2][i % C] * e[4][at]));
                    }))]),
            }),
            new("Information", [Of(Row, 1), mask, statistics[2]], (n, x) => Into(n, Row, y => n.Backend.Information(x[0], x[1], x[2], y)),
                e => [BottleneckTextbook.Information(e[0], e[1], e[2])]) { Match = Match.Kind },
            new("InformationBackward", [Of(Row, 1), mask, statistics[2], Of(Row, 4), Of(Row, 5)],
                (n, x) => { n.Backend.InformationBackward(x[0], x[1], x[2], x[3], new(x[4], Adds: true)); return [x[4]]; },
                e => [e[4].Like(i =>
                {
                    double slope = e[1][i] * e[0][i] * e[0][i] - (1 - e[1][i]) + 1 / (1 - e[1][i]);
                    return e[4][i] + e[3][i] * e[2][i % C] * slope;
                })]) { Match = Match.Kind },
            new("AddNoise", [Of(all, 1), Of(all, 2)], (n, x) => Into(n, all, y => n.Backend.AddNoise(x[0], Recorded(n, x[1]), Factor, y)),
                e => [e[0].Like(i => e[0][i] + Factor * e[1][i])]),
        ];

        Noise Recorded(TestTensors n, Tensor noise) => new(1, n.Zeros(images), n.Zeros(new Shape(1)), noise);
    }

    private static Verb[] Optimizers()
    {
        const double rate = 0.5, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
        return
        [
            new("Adam", [Of(Row, 1), Of(Row, 2), Of(Row, 3), Of(Row, 4, 0.1f)],
                (n, x) => { n.Backend.Adam(x[0], x[1], x[2], x[3], n.Zeros(new Shape(1)), new AdamSettings(rate)); return x; },
                e =>
                {
                    Exact m = e[2].Like(i => beta1 * e[2][i] + (1 - beta1) * e[1][i]);
                    Exact v = e[3].Like(i => beta2 * e[3][i] + (1 - beta2) * e[1][i] * e[1][i]);
                    double root = Math.Sqrt(1 - beta2);
                    return [e[0].Like(i => e[0][i] - rate / (1 - beta1) * m[i] / (Math.Sqrt(v[i]) / root + epsilon)), e[1], m, v];
                }),
            new("SgdMomentum", [Of(Row, 1), Of(Row, 2), Of(Row, 3)],
                (n, x) => { n.Backend.SgdMomentum(x[0], x[1], x[2], new SgdSettings(rate, 0.9, 0.125)); return x; },
                e =>
                {
                    Exact velocity = e[2].Like(i => 0.9 * e[2][i] + e[1][i] + 0.125 * e[0][i]);
                    return [e[0].Like(i => e[0][i] - rate * velocity[i]), e[1], velocity];
                }),
        ];
    }

    private static Verb[] Products()
    {
        Shape rows = new(3, C), weights = new(21, C), results = new(3, 21), bias = new(21);
        return
        [
            new("Linear", [Of(rows, 1), Of(weights, 2), Of(bias, 3)],
                (n, x) => Into(n, results, y => n.Backend.Linear(x[0], x[1], x[2], relu: true, y)),
                e => [LinearTextbook.Forward(e[0], e[1], e[2], relu: true)]),
            new("LinearBackwardData", [Of(results, 1), Of(weights, 2), Of(rows, 3), Of(rows, 4)],
                (n, x) => { n.Backend.LinearBackwardData(x[0], x[1], new(x[2], Adds: true, x[3])); return [x[2]]; },
                e => [Gated(ElementwiseTextbook.Add(e[2], LinearTextbook.BackwardData(e[0], e[1])), e[3])]),
            new("LinearBackwardWeights", [Of(rows, 1), Of(results, 2), Of(weights, 3)],
                (n, x) => { n.Backend.LinearBackwardWeights(x[0], x[1], new(x[2], Adds: true)); return [x[2]]; },
                e => [ElementwiseTextbook.Add(e[2], LinearTextbook.BackwardWeights(e[0], e[1]))]),
            new("BiasBackward", [Of(results, 1), Of(bias, 2)],
                (n, x) => { n.Backend.BiasBackward(x[0], new(x[1], Adds: true)); return [x[1]]; },
                e => [ElementwiseTextbook.Add(e[1], LinearTextbook.BackwardBias(e[0]))]),
            // The shapes of a Winograd tile with neighbours, of a strided window, of a matrix product, and of a picture's three channels.
            .. Convolutions(new ConvGeometry(3, 1, 1), new Shape(1, 6, 7, 16), 16),
            .. Convolutions(new ConvGeometry(3, 2, 1), new Shape(1, 5, 6, C), 5),
            .. Convolutions(new ConvGeometry(1), new Shape(2, 2, 3, C), 21),
            .. Convolutions(new ConvGeometry(3, 2, 1), new Shape(1, 6, 7, 3), 18),
        ];

        static Verb[] Convolutions(ConvGeometry geometry, Shape x, int k)
        {
            Shape w = new(k, geometry.Kernel, geometry.Kernel, x.C), y = geometry.Output(x, k);
            string name = $"Convolution {geometry.Kernel}x{geometry.Kernel}, stride {geometry.Stride}, {x.C} to {k} channels";
            return
            [
                new(name, [Of(x, 1), Of(w, 2), Of(new Shape(k), 3), Of(y, 4)],
                    (n, t) => Into(n, y, to => n.Backend.Convolution(t[0], t[1], t[2], t[3], relu: true, geometry, to)),
                    e => [ConvolutionTextbook.Forward(e[0], e[1], e[2], e[3], relu: true, geometry)]) { Match = Match.Spreads },
                new($"{name}, data", [Of(y, 1), Of(w, 2), Of(x, 3), Of(x, 4)],
                    (n, t) => { n.Backend.ConvolutionBackwardData(t[0], t[1], geometry, new(t[2], Adds: true, t[3])); return [t[2]]; },
                    e => [Gated(ElementwiseTextbook.Add(e[2], ConvolutionTextbook.BackwardData(e[0], e[1], x, geometry)), e[3])])
                {
                    Match = Match.Spreads,
                },
                new($"{name}, weights", [Of(x, 1), Of(y, 2), Of(w, 3)],
                    (n, t) => { n.Backend.ConvolutionBackwardWeights(t[0], t[1], geometry, new(t[2], Adds: true)); return [t[2]]; },
                    e => [ElementwiseTextbook.Add(e[2], ConvolutionTextbook.BackwardWeights(e[0], e[1], w, geometry))])
                {
                    Match = Match.Spreads,
                },
            ];
        }

        static Exact Gated(Exact dx, Exact gate) => dx.Like(i => gate[i] <= 0 ? 0 : dx[i]);
    }

    private static Tensor[] Into(TestTensors numbers, Shape shape, Action<Tensor> verb)
    {
        Tensor y = numbers.Empty(shape);
        verb(y);
        return [y];
    }

    private static Exact Of(Shape shape, int seed, float low = -2, float high = 2) => Draws.Of(seed, shape, low, high);

    /// <summary>A verb, values for its operands, and its results.</summary>
    private sealed record Verb(string Name, Exact[] Operands, Func<TestTensors, Tensor[], Tensor[]> Run, Func<Exact[], Exact[]> Textbook)
    {
        public Match Match { get; init; }
    }
}

public sealed class NonFiniteTestsOnCpu(Cpu cpu) : NonFiniteTests(cpu), IClassFixture<Cpu>
{
    protected override bool ConvolvesDirectly => true;
}

public sealed class NonFiniteTestsWithWinograd(WinogradCpu cpu) : NonFiniteTests(cpu), IClassFixture<WinogradCpu>;

public sealed class NonFiniteTestsOnOwnKernels() : NonFiniteTests(new EmulatedGpu(libraries: false));

public sealed class NonFiniteTestsOnEmulatedCuda() : NonFiniteTests(new EmulatedGpu());

[Collection(nameof(Gpu))]
public sealed class NonFiniteTestsOnCuda(Gpu gpu) : NonFiniteTests(gpu);
