using CsCheck;
using Tests.Devices;
using Tests.Emulator;
using Xunit;

namespace Tests.Engine;

/// <summary>Every op, held against its textbook version over random shapes.</summary>
public abstract class OpTests(Device on) : TestsOnDevice(on)
{
    private static readonly OpCases Small = new(Draw.Small), Large = new(Draw.Large);

    private readonly OpChecks _checks = new(on.Backend);

    public static TheoryData<string> Ops => [.. Small.Names];

    [Theory]
    [MemberData(nameof(Ops))]
    public void Values_are_the_textbooks(string op)
    {
        Small[op].Sample(_checks.Values, iter: Cases(40), threads: 1);
        Large[op].Sample(_checks.Values, iter: Cases(3), threads: 1);
    }

    [Theory]
    [MemberData(nameof(Ops))]
    public void Gradients_are_the_textbooks_finite_differences(string op) =>
        Small[op].Sample(_checks.Gradients, iter: Cases(30), threads: 1);

    [Theory]
    [MemberData(nameof(Ops))]
    public void A_value_used_twice_gets_the_sum_of_both_gradients(string op) =>
        Small[op].Sample(_checks.Accumulates, iter: Cases(15), threads: 1);

    [Theory]
    [MemberData(nameof(Ops))]
    public void A_planned_tape_gives_the_bits_of_a_kept_one(string op)
    {
        Small[op].Sample(_checks.Plans, iter: Cases(20), threads: 1);
        Large[op].Sample(_checks.Plans, iter: Cases(2), threads: 1);
    }

    private int Cases(int most) => On.IsSlow ? most / 2 : most;
}

public sealed class OpTestsOnCpu(Cpu cpu) : OpTests(cpu), IClassFixture<Cpu>;

public sealed class OpTestsOnEmulatedCuda() : OpTests(new EmulatedGpu());

[Collection(nameof(Gpu))]
public sealed class OpTestsOnCuda(Gpu gpu) : OpTests(gpu);
