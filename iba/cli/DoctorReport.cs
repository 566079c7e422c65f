using System.Globalization;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Diagnostics;

namespace Iba.Cli;

/// <summary>The findings about CUDA on a machine as text.</summary>
/// <param name="diagnosis">The findings.</param>
/// <param name="gpu">cuDNN's description of the GPU, if it is usable.</param>
/// <param name="notes">Files of plans that were passed over, and why.</param>
internal sealed class DoctorReport(Diagnosis diagnosis, string? gpu = null, IReadOnlyList<string>? notes = null)
{
    /// <summary>The findings, and how to fix each problem.</summary>
    public IReadOnlyList<string> Findings =>
    [
        .. diagnosis.Findings.SelectMany(finding => (string[])
        [
            $"{Word(finding.Severity),-7} {finding.Subject}: {finding.Message}",
            .. finding.Remedy is null ? (string[])[] : [$"        to fix it: {finding.Remedy}"],
        ]),
    ];

    private long Bytes => diagnosis.Files.Sum(file => file.Bytes ?? 0);

    /// <summary>The libraries' sizes: what has to be shipped.</summary>
    private IReadOnlyList<string> Files => diagnosis.Files.Count == 0 ? [] :
    [
        "NVIDIA's libraries, in bytes:",
        .. diagnosis.Files.Select(file => $"{Grouped(file.Bytes),13}  {file.Path}"),
        $"{Grouped(Bytes),13}  in {diagnosis.Files.Count} files; the driver's own come with the host",
    ];

    /// <summary>The findings and the verdict.</summary>
    /// <param name="searched">Whether every file that was looked for is listed too: hundreds.</param>
    public IReadOnlyList<string> Lines(bool searched) =>
    [
        .. Findings,
        .. Files,
        .. searched ? diagnosis.PathsTried.Select(path => $"        {path}").Prepend("searched paths:")
            : diagnosis.Gap is null ? [] : [$"iba doctor --searched lists the {diagnosis.PathsTried.Count} files that were looked for."],
        .. notes ?? [],
        .. gpu is null ? (string[])[] : ["description of the GPU, to be saved for iba plans build --gpu FILE:", gpu],
        Verdict,
    ];

    /// <summary>What the program does on this machine.</summary>
    public string Verdict => diagnosis.Gap is null
        ? "CUDA is usable: --device auto runs on the GPU."
        : "CUDA is not usable: --device auto runs on the CPU in fp32, which always works; --device cuda exits with code 3.";

    public DoctorLine Json(bool searched, IReadOnlyList<PlanLine>? plans = null) => new(
        diagnosis.Gap is null, Verdict,
        [.. diagnosis.Findings.Select(finding => new FindingLine(finding.Subject, Word(finding.Severity), finding.Message, finding.Remedy))],
        [.. diagnosis.Devices.Select(device => new DeviceLine($"cuda:{device.Ordinal}", device.Name,
            string.Create(CultureInfo.InvariantCulture, $"{device.ComputeCapability / 10}.{device.ComputeCapability % 10}"),
            device.FreeBytes, device.TotalBytes))],
        [.. diagnosis.Files.Select(file => new FileLine(file.Path, file.Bytes))], Bytes, searched ? diagnosis.PathsTried : null, plans, gpu);

    private static string Grouped(long? bytes) => bytes?.ToString("N0", CultureInfo.InvariantCulture) ?? "not known";

    private static string Word(Severity severity) => severity switch { Severity.Fine => "ok", Severity.Slower => "slower", _ => "missing" };
}

/// <summary><c>iba doctor --json</c>.</summary>
internal sealed record DoctorLine(
    bool Usable, string Verdict, IReadOnlyList<FindingLine> Findings, IReadOnlyList<DeviceLine> Devices,
    IReadOnlyList<FileLine> Files, long FileBytes, IReadOnlyList<string>? PathsTried, IReadOnlyList<PlanLine>? Plans, string? Description);

/// <summary>One finding: ok, slower or missing.</summary>
internal sealed record FindingLine(string Subject, string State, string Message, string? Remedy);

/// <summary>A GPU.</summary>
internal sealed record DeviceLine(string Device, string Name, string ComputeCapability, long FreeBytes, long TotalBytes);

/// <summary>A file of NVIDIA's, without bytes where only the system's loader knows its place.</summary>
internal sealed record FileLine(string Path, long? Bytes);

/// <summary>How one layer is computed in one direction.</summary>
internal sealed record PlanLine(
    string Layer, string Unit, string Route, string? Engine, float? Milliseconds, long WorkspaceBytes, string Reason, string? Check,
    IReadOnlyList<string> Rejected)
{
    public static PlanLine Of(LayerPlan plan) => new(
        plan.Layer, plan.Choice.Unit, $"{plan.Choice.Route}", plan.Choice.Engine, plan.Choice.Milliseconds, plan.Choice.WorkspaceBytes, plan.Choice.Reason,
        plan.Choice.Check, plan.Choice.Rejected);
}
