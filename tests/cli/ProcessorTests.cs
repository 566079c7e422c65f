using System.Text.Json;
using Xunit;

namespace Tests.Cli;

/// <summary>The program needs no vector instructions. The runtime's own switch switches all of them off.</summary>
public sealed class ProcessorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The order of sums depends on the register width, hence float32's rounding of a few thousand terms.</summary>
    [Fact]
    public void Without_vector_instructions_the_answer_is_the_same_but_for_rounding()
    {
        JsonElement expected = Attribute([]), actual = Attribute([("DOTNET_EnableHWIntrinsic", "0")]);
        Assert.Equal(expected.GetProperty("predicted").GetInt32(), actual.GetProperty("predicted").GetInt32());
        foreach (string number in (string[])["probability", "probability_restricted", "total_bits", "max_bits_per_pixel"])
        {
            double value = expected.GetProperty(number).GetDouble();
            Assert.Equal(value, actual.GetProperty(number).GetDouble(), 1e-5 * Math.Abs(value));
        }
    }

    /// <summary>The demo photo under one step of the bottleneck: every kind of verb, the noise among them.</summary>
    private JsonElement Attribute((string Name, string Value)[] variables)
    {
        IbaProcess.Result run = IbaProcess.RunIn(
            variables, "attribute", "--steps", "1", "--copies", "1", "--json", "--device", "cpu", "--out", _folder[$"{variables.Length}"]);
        Assert.True(run.ExitCode == 0, run.Error);
        return JsonDocument.Parse(run.Lines[0]).RootElement;
    }
}
