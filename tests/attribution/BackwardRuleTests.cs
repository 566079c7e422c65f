using Iba.Backpropagation;
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

/// <summary>Rules on tapes, kept and planned, and the verb they need.</summary>
public abstract class BackwardRuleTests(Device on)
{
    private readonly IBackend _backend = on.Backend;

    [Theory, MemberData(nameof(Tests.Networks.NarrowNetwork.Names), MemberType = typeof(Tests.Networks.NarrowNetwork))]
    public void A_tape_planned_for_a_rule_gives_the_bits_of_a_kept_one_from_less_memory(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, on);
        using var numbers = new TestTensors(golden.Network.Backend);
        foreach (BackwardRule rule in (BackwardRule[])[new GuidedRule(), new LrpRule(1, 0, 0), new LrpRule(0, -1, 5)])
        {
            using Tape kept = Record(out Value x, out Value score), planned = Record(out Value sameX, out Value sameScore);
            planned.Plan(sameScore, rule);
            kept.Forward();
            float[] expected = numbers.Download(kept.Backward(score, rule)[x]);
            for (int run = 0; run < 2; run++)
            {
                planned.Forward();
                float[] actual = numbers.Download(planned.Backward(sameScore, rule)[sameX]);
                on.Same(expected, actual, $"{rule.GetType().Name}, run {run}");
            }
            Assert.True(planned.ArenaCount < kept.ArenaCount / 2,
                $"{rule.GetType().Name}: {planned.ArenaCount} of {kept.ArenaCount} numbers");
            (rule as IDisposable)?.Dispose();
        }

        Tape Record(out Value x, out Value score)
        {
            var tape = new Tape(golden.Network.Backend);
            x = tape.Variable(numbers.Upload(new Exact(golden.Image, golden.Pixels)), "input");
            score = golden.Network.Record(x, fused: false).Sum();
            return tape;
        }
    }

    [Fact]
    public void Guided_backpropagation_treats_fused_units_as_their_parts()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("resnet50-narrow", on);
        using var fused = new ScoreGradient(golden.Network, golden.Image, new GuidedRule());
        using var parts = new ScoreGradient(golden.Network, golden.Image, new GuidedRule(), fused: false);
        using var plain = new ScoreGradient(golden.Network, golden.Image);
        float[][] gradients = [.. new[] { fused, parts, plain }.Select(pass =>
        {
            float[] seed = pass.Logits([golden.Pixels])[0];
            Array.Fill(seed, 1);
            return pass.Download(pass.Backward(seed));
        })];
        Close.InMaxNorm(gradients[1], gradients[0], 1e-5, "guided gradient");
        Assert.NotEqual(gradients[0], gradients[2]);
    }

    [Fact]
    public void A_planned_tape_has_the_rule_of_its_plan_and_no_other()
    {
        using var numbers = new TestTensors(_backend);
        using var tape = new Tape(_backend);
        Value score = tape.Variable(numbers.Upload(Draws.Of(1, new Shape(3))), "x").Relu().Sum();
        var rule = new GuidedRule();
        tape.Plan(score, rule);
        tape.Forward();
        tape.Backward(score, rule);
        Assert.Contains("rule", Assert.Throws<InvalidOperationException>(() => tape.Backward(score)).Message);
        Assert.Contains("rule", Assert.Throws<InvalidOperationException>(() => tape.Backward(score, new GuidedRule())).Message);
    }

    [Fact]
    public void What_a_rule_rereads_outlives_the_plan_and_its_scratch_overlaps_nothing()
    {
        // Add rereads nothing: unless the rule declares that it does, a and b would be overwritten by the long chain after them.
        Exact a = Draws.Of(1, new Shape(1, 6, 6, 8)), b = Draws.Of(2, a.Shape);
        float[][] results = [.. new[] { false, true }.Select(plan =>
        {
            using var numbers = new TestTensors(_backend);
            using var tape = new Tape(_backend);
            Value x = tape.Variable(numbers.Upload(a), "a");
            Value y = (x * 2f).Relu() + (x * tape.Constant(numbers.Upload(b), "b")).Relu();
            Value score = (((y * 3f).Relu() * 0.5f).Relu() * 1.5f).Sum();
            var rule = new Products();
            if (plan)
                tape.Plan(score, rule);
            tape.Forward();
            return numbers.Download(tape.Backward(score, rule)[x]);
        })];
        Assert.Equal(results[0], results[1]);
        Assert.Contains(results[0], gradient => gradient != 0);
    }

    [Fact]
    public void A_divisor_near_0_is_moved_away_from_0_and_keeps_its_sign()
    {
        using var numbers = new TestTensors(_backend);
        var shape = new Shape(1, 37);
        Exact a = Draws.Of(1, shape), b = Draws.Of(2, shape).Like(i => i % 5 == 0 ? 0 : i % 2 == 0 ? 0.25 : -0.125);
        foreach (float ε in (float[])[0, 5])
        {
            Tensor x = numbers.Upload(a), y = numbers.Upload(b);
            _backend.Ratio(x, y, ε, y);
            float[] expected = a.Like(i => a[i] / (b[i] == 0 ? 1 + ε : b[i] + ε * Math.Sign(b[i]))).Floats();
            Close.InMaxNorm(expected, numbers.Download(y), 1e-7, $"ε = {ε}, written over the divisor");
        }
    }

    /// <summary>Weights the gradient of each side of a sum by the other side's data, using scratch memory.</summary>
    private sealed class Products : BackwardRule
    {
        public override bool Backward(IBackend on, Value y, Tensor dy, Gradients d)
        {
            if (y.Op is not Add)
                return false;
            Tensor product = Assert.Single(d.Scratch(y));
            on.Multiply(y[0], y[1], product);
            on.MultiplyBackward(dy, product, d.Into(y[0]));
            on.MultiplyBackward(dy, product, d.Into(y[1]));
            return true;
        }

        public override bool RereadsInput(Value y, int input) => y.Op is Add;

        public override IEnumerable<Shape> Scratch(Value y) => y.Op is Add ? [y.Shape] : [];
    }
}

public sealed class BackwardRuleTestsOnCpu(Cpu cpu) : BackwardRuleTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class BackwardRuleTestsOnCuda(Gpu gpu) : BackwardRuleTests(gpu);
