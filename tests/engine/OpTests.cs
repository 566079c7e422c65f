using CsCheck;
using Iba.Engine.Backends;
using Tests.Devices;
using Tests.Emulator;
using Tests.Textbook;
using Xunit;

namespace Tests.Engine;

/// <summary>Every op, compared with its textbook version over random shapes.</summary>
public abstract class OpTests(Device on) : TestsOnDevice(on)
{
    /// <summary>
    /// Relative to the largest expected value. An op of these sizes adds at most about 100 terms, each rounded to 2^-24, for a float32
    /// error below 100 x 6e-8 = 6e-6; typical errors grow with the root and are ten times smaller.
    /// </summary>
    private const double Tolerance = 6e-6;

    private static readonly OpCases Small = new(Draw.Small), Large = new(Draw.Large);

    private readonly IBackend _backend = on.Backend;

    public static TheoryData<string> Ops => [.. Small.Names];

    [Theory]
    [MemberData(nameof(Ops))]
    public void Values_are_the_textbooks(string op)
    {
        Small[op].Sample(Values, iter: Cases(40), threads: 1);
        Large[op].Sample(Values, iter: Cases(3), threads: 1);
    }

    [Theory]
    [MemberData(nameof(Ops))]
    public void Gradients_are_the_textbooks_finite_differences(string op) =>
        Small[op].Sample(Gradients, iter: Cases(30), threads: 1);

    [Theory]
    [MemberData(nameof(Ops))]
    public void A_value_used_twice_gets_the_sum_of_both_gradients(string op) =>
        Small[op].Sample(Accumulates, iter: Cases(15), threads: 1);

    [Theory]
    [MemberData(nameof(Ops))]
    public void A_planned_tape_gives_the_bits_of_a_kept_one(string op)
    {
        Small[op].Sample(Plans, iter: Cases(20), threads: 1);
        Large[op].Sample(Plans, iter: Cases(2), threads: 1);
    }

    private int Cases(int most) => On.IsSlow ? most / 2 : most;

    /// <summary>The op's values are the textbook's.</summary>
    private void Values(OpCase op)
    {
        using var run = new OpRun(_backend, op, uses: 1, planned: false);
        Near(op.Textbook(op.Inputs).Numbers, run.Y, $"{op}: values");
    }

    /// <summary>The gradient of every variable is the textbook's central difference, element by element.</summary>
    private void Gradients(OpCase op)
    {
        using var run = new OpRun(_backend, op, uses: 1, planned: false);
        for (int variable = 0; variable < op.Variables; variable++)
            Near(Differences(op, variable, run.Weights), run.Gradient(variable), $"{op}: gradient of input {variable}");
    }

    /// <summary>Where a variable is used twice, its gradient is the sum of both uses'.</summary>
    private void Accumulates(OpCase op)
    {
        using var run = new OpRun(_backend, op, uses: 2, planned: false);
        for (int variable = 0; variable < op.Variables; variable++)
            Near(Differences(op, variable, run.Weights), run.Gradient(variable), $"{op}: gradient of input {variable}, used twice");
    }

    /// <summary>A planned tape, replayed, gives the bits of a kept one.</summary>
    private void Plans(OpCase op)
    {
        using var kept = new OpRun(_backend, op, uses: 2, planned: false);
        using var planned = new OpRun(_backend, op, uses: 2, planned: true);
        Assert.Equal(kept.Y, planned.Y);
        for (int variable = 0; variable < op.Variables; variable++)
            Assert.Equal(kept.Gradient(variable), planned.Gradient(variable));
    }

    private static void Near(double[] expected, float[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        // Terms of size 1 may cancel to 0: the central difference is then its own rounding, about 1e-10 a term.
        double scale = Math.Max(expected.Max(Math.Abs), 1e-3);
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs(actual[i] - expected[i]) <= Tolerance * scale))
                Assert.Fail($"{what}: number {i} is {actual[i]}, expected {expected[i]} (largest {scale})");
        }
    }

    /// <summary>
    /// d(sum of weights x y)/dx by central differences, taken of every y before they are summed: what x does not reach is exactly 0, and the rest is off by
    /// 1e-12 for the step's square and 1e-10 of y for rounding. A difference of sums would round the other terms, too: 1e-8 at a hundred elements.
    /// </summary>
    private static double[] Differences(OpCase op, int variable, double[] weights)
    {
        Exact[] inputs = [.. op.Inputs];
        Exact x = inputs[variable];
        inputs[variable] = x.Like(i => x[i]);
        var gradient = new double[x.Shape.Count];
        for (int i = 0; i < gradient.Length; i++)
        {
            double step = 1e-6 * Math.Max(1, Math.Abs(x[i]));
            inputs[variable][i] = x[i] + step;
            double[] up = op.Textbook(inputs).Numbers;
            inputs[variable][i] = x[i] - step;
            double[] down = op.Textbook(inputs).Numbers;
            inputs[variable][i] = x[i];
            for (int j = 0; j < up.Length; j++)
                gradient[i] += (up[j] - down[j]) / (2 * step) * weights[j];
        }
        return gradient;
    }
}

public sealed class OpTestsOnCpu(Cpu cpu) : OpTests(cpu), IClassFixture<Cpu>;

public sealed class OpTestsOnEmulatedCuda() : OpTests(new EmulatedGpu());

[Collection(nameof(Gpu))]
public sealed class OpTestsOnCuda(Gpu gpu) : OpTests(gpu);
