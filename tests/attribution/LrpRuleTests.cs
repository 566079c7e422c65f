using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Relevance;
using Tests.Devices;
using Tests.Engine;
using Tests.Textbook;
using Xunit;

namespace Tests.Attribution;

/// <summary>The rules of LRP on single layers, against the formula written down contribution by contribution in double.</summary>
public abstract class LrpRuleTests(Device on)
{
    /// <summary>float32 sums of a few dozen products, then a quotient.</summary>
    private const double Tolerance = 1e-5;

    private readonly IBackend _backend = on.Backend;

    /// <summary>α, β, ε, and whether the inputs have both signs.</summary>
    public static TheoryData<float, float, float, bool> Rules => new()
    {
        { 1, 0, 0, false }, { 1, 0, 0, true }, { 0, -1, 5, false }, { 0, -1, 5, true }, { 2, 1, 0.01f, false }, { 2, 1, 0.01f, true },
    };

    [Theory, MemberData(nameof(Rules))]
    public void A_convolution_shares_relevance_out_as_the_formula_says(float α, float β, float ε, bool mixed)
    {
        var geometry = new ConvGeometry(3, 2, 1);
        Exact x = Draws.Of(1, new Shape(2, 5, 6, 3), mixed ? -1 : 0);
        Exact w = Draws.Of(2, new Shape(4, 3, 3, 3)), bias = Draws.Of(3, new Shape(4));
        Exact relevance = Draws.Of(4, geometry.Output(x.Shape, 4));
        Exact expected = Formula(x, w, relevance, α, β, ε,
            (a, v) => ConvolutionTextbook.Forward(a, v, null, null, relu: false, geometry),
            (z, v) => ConvolutionTextbook.BackwardData(z, v, x.Shape, geometry));
        Check(expected, x, w, bias, relevance, mixed, α, β, ε, (a, v, b) => a.Convolution(v, geometry, b));
    }

    [Theory, MemberData(nameof(Rules))]
    public void A_linear_layer_shares_relevance_out_as_the_formula_says(float α, float β, float ε, bool mixed)
    {
        Exact x = Draws.Of(5, new Shape(2, 11), mixed ? -1 : 0), w = Draws.Of(6, new Shape(7, 11)), bias = Draws.Of(7, new Shape(7));
        Exact relevance = Draws.Of(8, new Shape(2, 7));
        Exact expected = Formula(x, w, relevance, α, β, ε, LinearForward, LinearTransposed);
        Check(expected, x, w, bias, relevance, mixed, α, β, ε, (a, v, b) => a.Linear(v, b));
    }

    [Fact]
    public void A_neuron_that_is_on_by_its_bias_alone_loses_its_relevance()
    {
        using var numbers = new TestTensors(_backend);
        using var rule = new LrpRule(1, 0, 0);
        using var tape = new Tape(_backend);
        Value x = tape.Variable(numbers.Upload(new Exact(new Shape(1, 2), [1f, 2f])), "x");
        Value w = tape.Constant(numbers.Upload(new Exact(new Shape(2, 2), [0.5f, 0.25f, -0.5f, -0.25f])), "w");
        Value bias = tape.Constant(numbers.Upload(new Exact(new Shape(2), [0f, 3f])), "bias");
        Value y = x.Relu().Linear(w, bias).Relu(), score = y.Sum();
        tape.Forward();
        Assert.Equal([1f, 2f], numbers.Download(y.Data));

        float[] relevance = numbers.Download(tape.Backward(score, rule)[x]);
        // One from each output: the first has positive contributions 0.5 and 0.5, the second none.
        Assert.Equal([0.5f, 0.5f], relevance);
    }

    [Fact]
    public void The_sum_of_a_residual_block_shares_relevance_out_by_what_each_side_adds_and_loses_none()
    {
        var shape = new Shape(2, 3, 3, 5);
        Exact a = Draws.Of(9, shape), b = Draws.Of(10, shape);
        using var numbers = new TestTensors(_backend);
        using var rule = new LrpRule(1, 0, 0);
        using var tape = new Tape(_backend);
        Value va = tape.Variable(numbers.Upload(a), "a"), vb = tape.Variable(numbers.Upload(b), "b");
        Value y = (va + vb).Relu();
        Value score = (y * y).Sum();
        tape.Forward();
        Gradients d = tape.Backward(score, rule);

        // Under the plain derivative of the square, relevance arrives at the ReLU as 2 y: 0 where it is off.
        double Sum(int i) => Math.Max(a[i] + b[i], 0);
        double Share(double one, double other) => Math.Max(one, 0) / Math.Max(Math.Max(one, 0) + Math.Max(other, 0), 1e-30);
        Close.InMaxNorm(a.Like(i => 2 * Sum(i) * Share(a[i], b[i])).Floats(), numbers.Download(d[va]), Tolerance, "R_a");
        Close.InMaxNorm(a.Like(i => 2 * Sum(i) * Share(b[i], a[i])).Floats(), numbers.Download(d[vb]), Tolerance, "R_b");
        double kept = numbers.Download(d[va]).Sum() + numbers.Download(d[vb]).Sum();
        double given = Enumerable.Range(0, shape.Count).Sum(i => 2 * Sum(i));
        Assert.Equal(given, kept, 1e-4 * given);
    }

    [Fact]
    public void An_average_pool_shares_relevance_out_by_activation()
    {
        Exact x = Draws.Of(11, new Shape(1, 4, 4, 2), 0);
        using var numbers = new TestTensors(_backend);
        using var rule = new LrpRule(0, -1, 5);
        using var tape = new Tape(_backend);
        Value v = tape.Variable(numbers.Upload(x), "x");
        Value score = v.Relu().AdaptiveAveragePool(2, 2).Sum();
        tape.Forward();
        float[] relevance = numbers.Download(tape.Backward(score, rule)[v]);

        float[] expected = x.Like(i =>
        {
            (int pixel, int c) = Math.DivRem(i, 2);
            (int top, int left) = (pixel / 4 / 2 * 2, pixel % 4 / 2 * 2);
            double bin = x[0, top, left, c] + x[0, top, left + 1, c] + x[0, top + 1, left, c] + x[0, top + 1, left + 1, c];
            return x[i] / bin;
        }).Floats();
        Close.InMaxNorm(expected, relevance, Tolerance, "relevance");
    }

    [Fact]
    public void A_network_recorded_in_one_piece_is_refused_with_the_remedy()
    {
        using var numbers = new TestTensors(_backend);
        using var rule = new LrpRule(1, 0, 0);
        using var tape = new Tape(_backend);
        Value x = tape.Variable(numbers.Upload(Draws.Of(1, new Shape(1, 3))), "x");
        Value y = x.Linear(tape.Constant(numbers.Upload(Draws.Of(2, new Shape(2, 3))), "w"), relu: true);
        Value score = y.Sum();
        tape.Forward();
        Assert.Contains("fused: false", Assert.Throws<NotSupportedException>(() => tape.Backward(score, rule)).Message);
    }

    /// <summary>Runs the rule on a kept and on a planned tape.</summary>
    private void Check(
        Exact expected, Exact x, Exact w, Exact bias, Exact relevance, bool mixed, float α, float β, float ε,
        Func<Value, Value, Value, Value> layer)
    {
        foreach (bool plan in (bool[])[false, true])
        {
            using var numbers = new TestTensors(_backend);
            using var rule = new LrpRule(α, β, ε);
            using var tape = new Tape(_backend);
            Value v = tape.Variable(numbers.Upload(x), "x");
            // The rule sees from the line before it that its input cannot be negative.
            Value y = layer(mixed ? v : v.Relu(), tape.Constant(numbers.Upload(w), "w"), tape.Constant(numbers.Upload(bias), "bias"));
            Value score = (y * tape.Constant(numbers.Upload(relevance), "relevance")).Sum();
            if (plan)
                tape.Plan(score, rule);
            for (int run = 0; run < 2; run++)
            {
                tape.Forward();
                float[] actual = numbers.Download(tape.Backward(score, rule)[v]);
                Close.InMaxNorm(expected.Floats(), actual, Tolerance, plan ? "planned tape" : "kept tape");
            }
        }
    }

    /// <summary>R_i = Σ_j (α z+_ij / s(Z+_j) - β z-_ij / s(Z-_j)) R_j.</summary>
    private static Exact Formula(
        Exact x, Exact w, Exact relevance, double α, double β, double ε,
        Func<Exact, Exact, Exact> apply, Func<Exact, Exact, Exact> transpose)
    {
        Exact above = Part(x, 1), below = Part(x, -1), helps = Part(w, 1), hinders = Part(w, -1);
        Exact positive = Shared(above, helps, below, hinders), negative = Shared(below, helps, above, hinders);
        return x.Like(i => α * positive[i] - β * negative[i]);

        Exact Shared(Exact a, Exact v, Exact b, Exact u)
        {
            Exact z1 = apply(a, v), z2 = apply(b, u);
            Exact share = relevance.Like(j => relevance[j] / Stabilised(z1[j] + z2[j]));
            Exact c1 = transpose(share, v), c2 = transpose(share, u);
            return x.Like(i => a[i] * c1[i] + b[i] * c2[i]);
        }

        double Stabilised(double z) => z == 0 ? 1 + ε : z + ε * Math.Sign(z);
        static Exact Part(Exact a, int sign) => a.Like(i => Math.Sign(a[i]) == sign ? a[i] : 0);
    }

    private static Exact LinearForward(Exact x, Exact w)
    {
        var y = new Exact(new Shape(x.Shape.N, w.Shape.N));
        for (int n = 0; n < x.Shape.N; n++)
            for (int k = 0; k < w.Shape.N; k++)
                for (int c = 0; c < x.Shape.C; c++)
                    y[n, k] += x[n, c] * w[k, c];
        return y;
    }

    private static Exact LinearTransposed(Exact z, Exact w)
    {
        var x = new Exact(new Shape(z.Shape.N, w.Shape.C));
        for (int n = 0; n < z.Shape.N; n++)
            for (int k = 0; k < w.Shape.N; k++)
                for (int c = 0; c < w.Shape.C; c++)
                    x[n, c] += z[n, k] * w[k, c];
        return x;
    }
}

public sealed class LrpRuleTestsOnCpu(Cpu cpu) : LrpRuleTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class LrpRuleTestsOnCuda(Gpu gpu) : LrpRuleTests(gpu);
