using System.Text;
using System.Text.RegularExpressions;
using Iba.Engine.Backends.Cuda;
using Xunit;

namespace Tests.Kernels;

/// <summary>
/// NVIDIA's own compiler compiles every kernel without a warning. With IBA_MAKE_PTX=1 the PTX of cuda/ptx is made again instead of compared.
/// </summary>
public sealed partial class CompileTests
{
    public static TheoryData<string> Files => [.. KernelSources.Files];

    private static string Folder { get; } = Path.Combine(Golden.Root, "cuda", "ptx");

    private static bool Makes => Environment.GetEnvironmentVariable("IBA_MAKE_PTX") == "1";

    [Theory]
    [MemberData(nameof(Files))]
    public void Compiles_to_machine_code_without_warnings_or_spilled_registers(string file)
    {
        byte[]? code = Compiler.Get().Compile(file, "sm_90", out string log, "--ptxas-options=-v");
        Assert.True(code is not null, log);
        Assert.NotEmpty(code);
        Assert.DoesNotContain("warning", log, StringComparison.OrdinalIgnoreCase);
        MatchCollection spills = Spill().Matches(log);
        Assert.Equal(KernelSources.Kernels(KernelSources.Source(file)).Count(), spills.Count);
        Assert.All(spills, spill => Assert.Equal("0", spill.Groups[1].Value));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Compiles_to_the_PTX_that_is_committed(string file)
    {
        Compiler compiler = Compiler.Get();
        byte[]? code = compiler.Compile(file, KernelSources.PtxArchitecture, out string log);
        Assert.True(code is not null && log.Length == 0, log);
        string ptx = Heading(file, compiler.Version) + Encoding.UTF8.GetString(code).TrimEnd('\0', '\n') + "\n";
        if (Makes)
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(Folder).FullName, file + ".ptx"), ptx);
        string? committed = Makes ? ptx : KernelSources.Ptx(file);
        Assert.True(committed is not null, $"cuda/ptx/{file}.ptx is missing: run cuda/make_ptx.sh");
        Assert.SkipUnless(committed.StartsWith(Heading(file, compiler.Version), StringComparison.Ordinal) || Stale(file, committed),
            $"the committed PTX was made by another NVRTC than {compiler.Version}");
        Assert.True(committed == ptx, $"cuda/ptx/{file}.ptx is not what NVRTC {compiler.Version} makes: run cuda/make_ptx.sh");
    }

    /// <summary>Needs no compiler: the hash of source, headers and options is in the file's first line.</summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void PTX_was_made_from_the_present_source(string file)
    {
        Assert.SkipWhen(Makes, "the PTX is being made");
        string? committed = KernelSources.Ptx(file);
        Assert.True(committed is not null && !Stale(file, committed), $"cuda/ptx/{file}.ptx is stale or missing: run cuda/make_ptx.sh");
    }

    [Fact]
    public void No_PTX_is_left_of_a_file_that_is_gone() => Assert.Equal(
        KernelSources.Files, Directory.GetFiles(Folder).Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal));

    private static string Heading(string file, string version) => $"// cuda/{file}.cu, {KernelSources.Digest(file)}, NVRTC {version}\n";

    private static bool Stale(string file, string committed) =>
        !committed.StartsWith($"// cuda/{file}.cu, {KernelSources.Digest(file)}, ", StringComparison.Ordinal);

    [GeneratedRegex(@"(\d+) bytes spill stores")]
    private static partial Regex Spill();
}
