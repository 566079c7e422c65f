namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>A finished plan as it is kept in a file.</summary>
/// <param name="Choice">The engine; its settings rebuild the plan where cuDNN refuses its text.</param>
/// <param name="Json">cuDNN's text of the plan, compiled code included, with its final zero; empty if cuDNN gives none.</param>
internal sealed record KeptPlan(EngineChoice Choice, byte[] Json)
{
    private static ReadOnlySpan<byte> Divider => "json\n"u8;

    /// <summary>The plan in those bytes, or null if they are anything else.</summary>
    public static KeptPlan? Parse(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf(Divider);
        return end >= 0 && EngineChoice.Parse(bytes[..end]) is { } choice ? new KeptPlan(choice, bytes[(end + Divider.Length)..].ToArray()) : null;
    }

    /// <summary>The bytes, as <see cref="Parse"/> reads them.</summary>
    public byte[] Print() => [.. Choice.Print(), .. Divider, .. Json];
}
