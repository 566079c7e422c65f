using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Tests.Devices;
using Xunit;

namespace Tests.Engine;

/// <summary>Guarantees of tapes: the same results kept or planned, run once or often, alone or in a batch.</summary>
public abstract class TapeTests(Device on)
{
    private readonly IBackend _backend = on.Backend;

    /// <summary>
    /// The planned tape also gates gradients where they are computed and passes some on in the same memory; the kept one does neither.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_planned_tape_gives_the_bits_of_a_kept_one(bool weightsAreVariables)
    {
        using SmallNetwork kept = new(_backend, [1, 2, 3], weightsAreVariables), planned = new(_backend, [1, 2, 3], weightsAreVariables);
        planned.Tape.Plan(planned.Loss, planned.Logits);
        Gradients expected = kept.Run(), actual = planned.Run();
        on.Same(kept.Read(kept.Logits), planned.Read(planned.Logits), "logits");
        on.Same(kept.Read(kept.Loss), planned.Read(planned.Loss), "loss");
        foreach ((Value x, Value y) in kept.Variables.Zip(planned.Variables))
            on.Same(kept.Read(expected[x]), planned.Read(actual[y]), $"gradient of {x}");
        Assert.True(planned.Tape.ArenaCount < kept.Tape.ArenaCount / 2, "the plan reuses no memory");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_replay_gives_the_same_bits(bool planned)
    {
        using var network = new SmallNetwork(_backend, [4, 5], weightsAreVariables: true);
        if (planned)
            network.Tape.Plan(network.Loss);
        float[][] first = All(network);
        float[][] second = All(network);
        for (int i = 0; i < first.Length; i++)
            Assert.Equal(first[i], second[i]);
    }

    /// <summary>Tiles, remainders and sums are split as for the image alone.</summary>
    [Fact]
    public void An_images_results_do_not_depend_on_the_rest_of_the_batch()
    {
        using SmallNetwork alone = new(_backend, [7]), company = new(_backend, [1, 2, 7, 3, 4]);
        float[] dα = alone.Read(alone.Run()[alone.α]), all = company.Read(company.Run()[company.α]);
        on.Same(dα, all[(2 * dα.Length)..(3 * dα.Length)], "dα");
        float[] logits = alone.Read(alone.Logits), allLogits = company.Read(company.Logits);
        on.Same(logits, allLogits[(2 * logits.Length)..(3 * logits.Length)], "logits");
    }

    /// <summary>The gradient with respect to intermediate values.</summary>
    [Fact]
    public void A_kept_tape_has_the_gradient_of_every_value_between()
    {
        using var tape = new Tape(_backend);
        Value x = tape.Variable(_backend.Tensor(new Shape(3), 1, -2, 3), "x");
        Value y = (x * 2f).Named("y"), loss = (y * y).Sum();
        tape.Forward();
        Gradients d = tape.Backward(loss);
        Assert.Equal([4, -8, 12], _backend.Read(d[tape["y"]]));
        Assert.Equal([8, -16, 24], _backend.Read(d[x]));
        Assert.Equal([1], _backend.Read(d[loss]));
    }

    /// <summary>Another loss or rule needs other memory, so an earlier result is overwritten by a pass of its own kind alone.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public void A_pass_overwrites_the_result_of_the_same_loss_and_rule_alone(bool planned)
    {
        using SmallNetwork network = new(_backend, [1]), other = new(_backend, [1]);
        if (planned)
            network.Tape.Plan(network.Loss);
        Gradients d = network.Run();
        float[] before = network.Read(d[network.α]);
        network.Tape.Forward();
        Assert.Same(d, network.Tape.BackwardAgain(network.Loss, null, d));
        Assert.Equal(before, network.Read(d[network.α]));
        var strange = new List<Gradients> { other.Run() };
        if (!planned)
            strange.AddRange([network.Tape.Backward(network.Logits), network.Tape.Backward(network.Loss, new Cut())]);
        foreach (Gradients again in strange)
            Assert.Contains("by this rule", Assert.Throws<ArgumentException>(() => network.Tape.BackwardAgain(network.Loss, null, again)).Message);
    }

    /// <summary>Where the unit's ReLU is shut, too: what it stops is the gradient of the sum before it.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public void The_gradient_of_a_fused_unit_is_that_of_its_value(bool ruled)
    {
        using var tape = new Tape(_backend);
        Value x = tape.Variable(_backend.Tensor(new Shape(1, 1, 1, 2), 1, 1), "x");
        Value w = tape.Constant(_backend.Tensor(new Shape(3, 1, 1, 2), 1, 1, -1, -1, 1, -1), "w");
        Value y = x.Convolution(w, new ConvGeometry(1), relu: true), c = tape.Constant(_backend.Tensor(y.Shape, 4, 5, 6), "c");
        Value loss = (y * c).Sum();
        tape.Forward();
        Gradients d = tape.Backward(loss, ruled ? new Spendthrift() : null);
        Assert.Equal([2, 0, 0], _backend.Read(y));
        Assert.Equal([4, 5, 6], _backend.Read(d[y]));
        Assert.Equal(ruled ? [0, 0] : [4, 4], _backend.Read(d[x]));
    }

    [Fact]
    public void What_a_plan_overwrites_cannot_be_read()
    {
        using Tape tape = new(_backend), stranger = new(_backend);
        Value x = tape.Variable(_backend.Tensor(new Shape(2), 1, 2), "x"), y = (x * 2f).Named("y");
        Value kept = (y * 3f).Named("kept"), loss = kept.Sum();
        Value other = stranger.Variable(_backend.Tensor(new Shape(2), 1, 2), "other");
        tape.Plan(loss, kept);
        tape.Forward();
        Gradients d = tape.Backward(loss);
        Assert.Equal([6, 12], _backend.Read(kept));
        Assert.Equal([6, 6], _backend.Read(d[x]));
        Assert.Contains("'y' are gone", Assert.Throws<InvalidOperationException>(() => y.Data).Message);
        Assert.Contains("Leave Plan out", Assert.Throws<ArgumentException>(() => d[kept]).Message);
        Assert.Contains("another tape", Assert.Throws<ArgumentException>(() => d[other]).Message);
    }

    [Fact]
    public void A_rule_replaces_the_derivative_of_the_ops_it_takes()
    {
        using var tape = new Tape(_backend);
        Value x = tape.Variable(_backend.Tensor(new Shape(2), 1, -1), "x");
        Value loss = (x.Relu() * 3f).Sum();
        tape.Forward();
        Assert.Equal([3, 0], _backend.Read(tape.Backward(loss)[x]));
        Assert.Equal([3, 3], _backend.Read(tape.Backward(loss, new StraightThrough())[x]));
    }

    [Fact]
    public void A_variable_that_a_rule_cuts_off_has_gradient_zero()
    {
        using var tape = new Tape(_backend);
        Value x = tape.Variable(_backend.Tensor(new Shape(2), 1, -1), "x"), w = tape.Variable(_backend.Tensor(new Shape(2), 5, 6), "w");
        Value loss = (x.Relu() * w).Sum();
        tape.Forward();
        Gradients d = tape.Backward(loss, new Cut());
        Assert.Equal([0, 0], _backend.Read(d[x]));
        Assert.Equal([1, 0], _backend.Read(d[w]));
    }

    [Fact]
    public void What_cannot_be_done_is_said_plainly()
    {
        using var tape = new Tape(_backend);
        Value x = tape.Variable(_backend.Tensor(new Shape(2), 1, 2), "x"), c = tape.Constant(_backend.Tensor(new Shape(2), 1, 2), "c");
        Value fixedLoss = c.Sum(), loss = x.Sum();
        Assert.Contains("call Forward", Assert.Throws<InvalidOperationException>(() => tape.Backward(loss)).Message);
        Assert.Contains("call Forward", Assert.Throws<InvalidOperationException>(() => loss.Data).Message);
        tape.Forward();
        Assert.Contains("no variable", Assert.Throws<ArgumentException>(() => tape.Backward(fixedLoss)).Message);
        Assert.Contains("'c'", Assert.Throws<ArgumentException>(() => tape.Backward(loss)[c]).Message);
        Assert.Contains("laid out", Assert.Throws<InvalidOperationException>(() => x.Sum()).Message);
        Assert.Contains("'nothing'", Assert.Throws<KeyNotFoundException>(() => tape["nothing"]).Message);
    }

    [Fact]
    public void A_planned_tape_takes_its_own_loss_and_no_rule()
    {
        using var tape = new Tape(_backend);
        Value x = tape.Variable(_backend.Tensor(new Shape(2), 1, 2), "x"), loss = x.Sum(), other = x.Mean();
        tape.Plan(loss, other);
        tape.Forward();
        Assert.Contains("kept tape", Assert.Throws<InvalidOperationException>(() => tape.Backward(other)).Message);
        Assert.Contains("kept tape", Assert.Throws<InvalidOperationException>(() => tape.Backward(loss, new Cut())).Message);
    }

    internal static float[][] All(SmallNetwork network)
    {
        Gradients d = network.Run();
        return [network.Read(network.Loss), .. network.Variables.Select(x => network.Read(d[x]))];
    }

    private sealed class StraightThrough : BackwardRule
    {
        public override bool Backward(IBackend on, Value y, Tensor dy, Gradients d)
        {
            if (y.Op is not Map<Relu>)
                return false;
            d.Pass(dy, y[0]);
            return true;
        }
    }

    /// <summary>Consumes its gradient and leaves the rest to the op.</summary>
    private sealed class Spendthrift : BackwardRule
    {
        public override bool Backward(IBackend on, Value y, Tensor dy, Gradients d)
        {
            if (y.Op is Convolution)
                on.Fill(dy, 0);
            return false;
        }
    }

    private sealed class Cut : BackwardRule
    {
        public override bool Backward(IBackend on, Value y, Tensor dy, Gradients d) => y.Op is Map<Relu>;
    }
}

public sealed class TapeTestsOnCpu(Cpu cpu) : TapeTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class TapeTestsOnCuda(Gpu gpu) : TapeTests(gpu);
