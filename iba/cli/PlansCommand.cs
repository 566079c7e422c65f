using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Diagnostics;
using Iba.Engine.Networks;

namespace Iba.Cli;

/// <summary><c>iba plans</c>: cuDNN's plans for a network, built before there is a GPU.</summary>
internal static class PlansCommand
{
    private static readonly string[] Columns = ["layers", "what", "route", "engines (r: compiled)", "seconds", "workspace", "rejected"];

    public static Command Create() => new("plans", "Build cuDNN's plans for a network's convolutions before there is a GPU.") { Build() };

    private static Command Build()
    {
        var gpu = new Option<string>("--gpu")
        {
            Description = $"The GPU: {string.Join(", ", GpuDescription.Names)}, or a file with the description that iba doctor prints.",
            HelpName = "GPU",
            Required = true,
        };
        var model = new Option<string>("--model") { Description = $"The network: {Architecture.Names}.", DefaultValueFactory = _ => ResNet.ResNet50.Name };
        var batches = new Option<int[]>("--batch")
        {
            Description = "Batch sizes, with commas: images, and images times copies.",
            DefaultValueFactory = _ => [10],
            CustomParser = argument => Number.Between(1, 4096).List(argument),
            HelpName = "N,...",
        };
        var precision = new Option<string>("--precision") { Description = "fp32, tf32 or bf16.", DefaultValueFactory = _ => Precision.TensorFloat32.Word() };
        var output = new Option<string?>("--out")
        {
            Description = "The file of plans. Default: one in the user's cache, where every later run finds it.",
            HelpName = "FILE",
            Validators = { Validators.FileToWrite() },
        };
        var json = new Option<bool>("--json") { Description = "One line of JSON per convolution on stdout." };
        var settings = new PlanSettings();
        var command = new Command("build",
            "Draw a network's convolutions for a GPU that need not be there, and keep the plans of the engines they get in a file for --plan-pack. "
            + "Needs cuDNN 9.8 or newer, NVRTC and libcuda.so.1.")
        {
            gpu, model, batches, precision, output, json,
        };
        settings.AddTo(command, builds: true);
        command.SetAction(parsed =>
        {
            string name = parsed.GetValue(model)!;
            if (Architecture.Find(name) is null)
                throw new UsageException($"--model {name}: known are {Architecture.Names}.");
            Precision computes = PrecisionNames.Find(parsed.GetValue(precision)!)
                ?? throw new UsageException($"--precision {parsed.GetValue(precision)}: it must be one of {string.Join(", ", PrecisionNames.All)}.");
            GpuDescription described = GpuDescription.Read(parsed.GetValue(gpu)!);
            PackReport report = Terminal.Progress("building plans", 1, bar => PlanPacker.Build(
                described, PlanPacking.Of(name), name, [.. parsed.GetValue(batches)!.Distinct()], computes, settings.Of(parsed, builds: true),
                parsed.GetValue(output), (done, all) => bar.Report((double)done / all), Interrupt.Token));
            Write(report, parsed.GetValue(json));
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static void Write(PackReport report, bool json)
    {
        if (json)
        {
            foreach (PackedUnit unit in report.Units)
                Terminal.Data(JsonSerializer.Serialize(PackedUnitLine.Of(unit), Json.Lines.PackedUnitLine));
        }
        else
        {
            Terminal.Table(Columns, report.Units.Select(Cells), framed: false);
        }
        PackedEngine[] engines = [.. report.Units.SelectMany(unit => unit.Engines)];
        Terminal.Say(string.Create(CultureInfo.InvariantCulture, $"{report.Units.Count} convolutions, {engines.Length} plans by cuDNN {report.Cudnn}, "
            + $"{engines.Sum(engine => engine.Seconds):F1} s of compilation in {report.Seconds:F1} s: {report.Path} ({report.Bytes / 1048576.0:F1} MiB)"));
        foreach (PackedUnit none in report.Units.Where(unit => unit.Engines.Count == 0))
            Terminal.Say($"{none.Unit}: no engine of cuDNN, so {(none.Route == Route.Product ? "cuBLASLt" : "the plain kernel")} computes it");
    }

    private static string[] Cells(PackedUnit unit) =>
    [
        string.Join(' ', unit.Layers.Take(3)) + (unit.Layers.Count > 3 ? $" and {unit.Layers.Count - 3} more" : ""), unit.Unit, $"{unit.Route}",
        unit.Engines.Count == 0 ? "-" : string.Join(", ", unit.Engines.Select(engine => $"{engine.Engine}{(engine.IsCompiled ? " r" : "")}")),
        string.Join(", ", unit.Engines.Select(engine => engine.Seconds.ToString("F2", CultureInfo.InvariantCulture))),
        string.Create(CultureInfo.InvariantCulture, $"{unit.Engines.Select(engine => engine.WorkspaceBytes).DefaultIfEmpty().Max() / 1048576.0:F1} MiB"),
        unit.Rejected.Count == 0 ? "-" : string.Join("; ", unit.Rejected.Distinct()),
    ];
}

/// <summary>One line of <c>iba plans build --json</c>.</summary>
internal sealed record PackedUnitLine(
    IReadOnlyList<string> Layers, string Unit, string Route, IReadOnlyList<PackedEngine> Engines, IReadOnlyList<string> Rejected)
{
    public static PackedUnitLine Of(PackedUnit unit) => new(unit.Layers, unit.Unit, $"{unit.Route}", unit.Engines, unit.Rejected);
}
