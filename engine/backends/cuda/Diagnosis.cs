namespace Iba.Engine.Backends.Cuda;

/// <summary>The severity of a finding.</summary>
public enum Severity
{
    /// <summary>No problem.</summary>
    Fine,

    /// <summary>CUDA works, but slower or less precisely than possible.</summary>
    Slower,

    /// <summary>CUDA cannot be used.</summary>
    Fatal,
}

/// <summary>The result of one check.</summary>
/// <param name="Subject">What was checked: driver, device, NVRTC, cuBLASLt, cuDNN, precision.</param>
/// <param name="Severity">The severity.</param>
/// <param name="Message">What was found, with versions and paths.</param>
/// <param name="Remedy">What to do about it; null if there is no problem.</param>
public sealed record Finding(string Subject, Severity Severity, string Message, string? Remedy = null);

/// <summary>A CUDA device as the driver describes it.</summary>
/// <param name="Ordinal">Its index, from 0.</param>
/// <param name="Name">Its name.</param>
/// <param name="ComputeCapability">10 major + minor: 90 is 9.0.</param>
/// <param name="FreeBytes">Free memory; 0 if the driver does not tell.</param>
/// <param name="TotalBytes">Total memory.</param>
public sealed record DeviceDescription(int Ordinal, string Name, int ComputeCapability, long FreeBytes, long TotalBytes);

/// <summary>A file of NVIDIA's that the program loads.</summary>
/// <param name="Path">Where it is; a bare name if only the system's loader knows.</param>
/// <param name="Bytes">Its size, of the file itself where the path is a link; null if it cannot be told.</param>
public sealed record LibraryFile(string Path, long? Bytes);

/// <summary>The results of all checks of a machine.</summary>
/// <param name="Findings">In order of dependency.</param>
/// <param name="Devices">The devices, if the driver lists any.</param>
/// <param name="PathsTried">Every library file that was looked for.</param>
public sealed record Diagnosis(IReadOnlyList<Finding> Findings, IReadOnlyList<DeviceDescription> Devices, IReadOnlyList<string> PathsTried)
{
    /// <summary>The libraries that were found, without the driver's own: what has to be shipped where the host brings no more than a driver.</summary>
    public IReadOnlyList<LibraryFile> Files { get; init; } = [];

    /// <summary>Whether CUDA can be used.</summary>
    public bool HasCuda => Findings.All(finding => finding.Severity != Severity.Fatal);

    /// <summary>The first finding that rules CUDA out, or null.</summary>
    public Finding? Obstacle => Findings.FirstOrDefault(finding => finding.Severity == Severity.Fatal);

    /// <summary>
    /// The first finding that makes CUDA a poor choice for speed: one that rules it out, else a missing or broken cuDNN, without which
    /// convolutions are many times slower. Null if there is none.
    /// </summary>
    public Finding? Gap => Obstacle ?? Findings.FirstOrDefault(finding => finding is { Subject: "cuDNN", Severity: not Severity.Fine });
}
