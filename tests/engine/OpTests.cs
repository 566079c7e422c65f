using CsCheck;
using Iba.Engine.Backends;
using Tests.Devices;
using Xunit;

namespace Tests.Engine;

/// <summary>Every op, held against its textbook version over random shapes.</summary>
public abstract class OpTests(Device on)
{
    private static readonly OpCases Small = new(Draw.Small), Large = new(Draw.Large);

    private readonly IBackend _backend = on.Backend;

    public static TheoryData<string> Ops => [.. Small.Names];

    [Theory]
    [MemberData(nameof(Ops))]
    public void Values_are_the_textbooks(string op)
    {
        Small[op].Sample(new OpChecks(_backend).Values, iter: 40, threads: 1);
        Large[op].Sample(new OpChecks(_backend).Values, iter: 3, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Ops))]
    public void Gradients_are_the_textbooks_finite_differences(string op) =>
        Small[op].Sample(new OpChecks(_backend).Gradients, iter: 30, threads: 1);

    [Theory]
    [MemberData(nameof(Ops))]
    public void A_value_used_twice_gets_the_sum_of_both_gradients(string op) =>
        Small[op].Sample(new OpChecks(_backend).Accumulates, iter: 15, threads: 1);

    [Theory]
    [MemberData(nameof(Ops))]
    public void A_planned_tape_gives_the_bits_of_a_kept_one(string op)
    {
        Small[op].Sample(new OpChecks(_backend).Plans, iter: 20, threads: 1);
        Large[op].Sample(new OpChecks(_backend).Plans, iter: 2, threads: 1);
    }
}

public sealed class OpTestsOnCpu(Cpu cpu) : OpTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class OpTestsOnCuda(Gpu gpu) : OpTests(gpu);
