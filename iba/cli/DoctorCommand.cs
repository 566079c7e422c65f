using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Diagnostics;
using Iba.Engine.Networks;

namespace Iba.Cli;

/// <summary><c>iba doctor</c>: which CUDA libraries this machine has, which are missing, and how to fix each problem.</summary>
internal static class DoctorCommand
{
    /// <summary>The copies of an image in the bottleneck's loop.</summary>
    private const int DefaultBatch = 10;

    private static readonly string[] Columns = ["layer", "what", "route", "engine", "ms", "workspace", "why", "check"];

    public static Command Create()
    {
        var plans = new Option<bool>("--plans")
        {
            Description = "Run a network once and show for each layer which code computes it, how fast, and why. Needs a GPU.",
        };
        var model = new Option<string>("--model")
        {
            Description = $"The network of --plans: {Architecture.Names}.",
            DefaultValueFactory = _ => ResNet.ResNet50.Name,
        };
        var batch = new Option<int>("--batch")
        {
            Description = "The batch size of --plans: images times copies.",
            DefaultValueFactory = _ => DefaultBatch,
            CustomParser = Number.Between(1, 4096).Parse,
        };
        var device = new Option<string>("--device") { Description = "The GPU of --plans: cuda or cuda:N.", DefaultValueFactory = _ => "cuda" };
        var precision = new Option<string>("--precision") { Description = "fp32, tf32 or bf16.", DefaultValueFactory = _ => Precision.TensorFloat32.Word() };
        var searched = new Option<bool>("--searched") { Description = "Also list every file that was looked for." };
        var json = new Option<bool>("--json") { Description = "One line of JSON on stdout." };
        var command = new Command(
            "doctor", "Show which CUDA libraries this machine has, which are missing, and how to fix each problem. Exits with code 3 without a usable GPU.")
        {
            plans, model, batch, device, precision, searched, json,
        };
        var settings = new PlanSettings();
        settings.AddTo(command);
        command.SetAction(parsed =>
        {
            if (Architecture.Find(parsed.GetValue(model)!) is null)
                throw new UsageException($"--model {parsed.GetValue(model)}: known are {Architecture.Names}.");
            DeviceChoice choice = DeviceChoice.Parse(parsed.GetValue(device)!, parsed.GetValue(precision));
            if (choice.Devices is not [{ Ordinal: { } ordinal, FallsBack: false }])
                throw new UsageException($"--device {choice.Word}: doctor examines one GPU. Give cuda or cuda:N, or leave it out.");
            Diagnosis diagnosis = Examine(ordinal, choice.OnGpu, settings.Of(parsed), out CudaBackend? backend);
            using (backend)
            {
                IReadOnlyList<PlanLine>? lines = parsed.GetValue(plans) && backend is not null
                    ? [.. PlanSurvey.Run(backend, parsed.GetValue(model)!, parsed.GetValue(batch)).Select(PlanLine.Of)]
                    : null;
                Write(new DoctorReport(diagnosis, backend?.Description, backend?.Notes), lines, parsed.GetValue(searched), parsed.GetValue(json));
            }
            return (int)(diagnosis.Gap is null ? ExitCode.Done : ExitCode.NoSuchDevice);
        });
        return command;
    }

    /// <summary>Examines the machine, and opens the GPU if no problem was found: some problems appear only then.</summary>
    private static Diagnosis Examine(int ordinal, Precision precision, PlanOptions plans, out CudaBackend? backend)
    {
        backend = null;
        Diagnosis diagnosis = Doctor.Examine(precision);
        if (diagnosis.Gap is not null)
            return diagnosis;
        try
        {
            backend = CudaBackend.Open(ordinal, precision, requiresCudnn: true, plans);
            return diagnosis;
        }
        catch (NoCudaException none) when (none.Diagnosis.Gap is not null)
        {
            return none.Diagnosis;
        }
        catch (NoCudaException none)
        {
            throw new DeviceException(none.Message, none.Diagnosis);
        }
        catch (CudaException refused)
        {
            var device = new Finding("device", Severity.Fatal, refused.Message, "check nvidia-smi, and free the GPU of other programs");
            return diagnosis with { Findings = [.. diagnosis.Findings, device] };
        }
    }

    private static void Write(DoctorReport report, IReadOnlyList<PlanLine>? plans, bool searched, bool json)
    {
        if (json)
        {
            Terminal.Data(JsonSerializer.Serialize(report.Json(searched, plans), Json.Lines.DoctorLine));
            return;
        }
        foreach (string line in report.Lines(searched))
            Terminal.Data(line);
        if (plans is not null)
            Terminal.Table(Columns, plans.Select(Cells), framed: false);
    }

    private static string[] Cells(PlanLine plan) =>
    [
        plan.Layer, plan.Unit, plan.Route, plan.Engine ?? "-", plan.Milliseconds?.ToString("F4", CultureInfo.InvariantCulture) ?? "-",
        string.Create(CultureInfo.InvariantCulture, $"{plan.WorkspaceBytes / 1048576.0:F1} MiB"), plan.Reason, plan.Check ?? "-",
    ];
}
